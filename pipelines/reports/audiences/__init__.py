"""Answers about audiences as tables and text: questions about a filter, exports, saved audiences."""
