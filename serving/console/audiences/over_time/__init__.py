"""Console pages of saved audiences over time and in a team: one audience with who joined and left, its dialogs, and exports."""
