"""Declared features and labels are compiled to queries, computed as of a date, and stored as snapshots."""
