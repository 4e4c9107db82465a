"""Filters in plain words, in both languages."""
