"""A collector of traces, for tests."""
