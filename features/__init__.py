"""What was known about a profile at a date: event log, windowed features, snapshots, outcomes, Feast repo."""
