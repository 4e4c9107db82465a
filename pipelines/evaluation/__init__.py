"""Backtests of a tag over past snapshots, and promises compared with what happened."""
