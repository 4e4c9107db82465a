"""Console pages of the tag catalog: the tree, one tag, its quality and history, rule drafts."""
