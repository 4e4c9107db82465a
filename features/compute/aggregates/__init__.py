"""Declared views of aggregates compiled to queries over the event log, for one date or several together."""
