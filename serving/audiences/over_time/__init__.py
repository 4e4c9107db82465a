"""A saved audience over its runs: its sizes, who joined and left and why, its edits, and sudden changes."""
