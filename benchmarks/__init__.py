"""Measurements that a person can repeat: ``quality`` on real data, ``speed`` on made data; results as JSON, compared by commands."""
