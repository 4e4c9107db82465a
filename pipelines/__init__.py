"""Runs from start to end, their reports, and the command line."""
