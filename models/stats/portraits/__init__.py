"""What sets a group apart from others, on plain counts: ratios of shares with intervals."""
