"""Measurements that a person can repeat; see RESULTS.md."""
