"""Console pages of the tag catalog: the table of tags, one tag, its quality and history, rule drafts."""
