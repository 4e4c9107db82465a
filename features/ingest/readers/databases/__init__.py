"""Databases as tables: what is kept of them in the home, by buckets of lines whose digests the server computes."""
