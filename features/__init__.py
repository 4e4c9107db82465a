"""What was known about a profile at a moment: event log, windowed features, snapshots, outcomes, Feast repo."""
