"""The lifecycle of tags, active definitions, saved audiences, rule drafts, ratings and observed accuracy."""
