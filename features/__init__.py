"""What was known about a profile at a given moment: event log, feature snapshots, labels, and the Feast repository."""
