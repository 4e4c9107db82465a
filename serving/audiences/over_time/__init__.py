"""Saved audiences over their runs and in a team: who joined and left and why, sudden changes, edits, labels, owners, lists of ids."""
