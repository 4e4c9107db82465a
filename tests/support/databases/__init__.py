"""Servers of our own for tests of sources: databases, and an object store."""
