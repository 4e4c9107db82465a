"""Attributes of profiles: those to filter on, and those that models learn from."""
