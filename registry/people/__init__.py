"""What the console keeps for each person: what they have pinned, and when they came last."""
