"""What is kept of a saved audience beside its filter: edits, labels, whose it is, who joined and left."""
