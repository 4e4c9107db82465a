"""Accounts, passwords, sessions, API keys, roles, the audit log and the access log."""
