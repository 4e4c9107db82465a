"""Feast over the snapshots: training rows by point-in-time join, and the online store."""
