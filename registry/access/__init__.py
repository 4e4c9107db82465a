"""Accounts, passwords, sessions, API keys, roles and the audit log."""
