"""Declared views of aggregates, and of figures of what is related, compiled to queries for one date or several together."""
