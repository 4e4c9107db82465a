"""Saved audiences as tables: listed, who joined and left, edited, exported."""
