"""Snapshots and labels as they are built: statements that are put together once, run range by range."""
