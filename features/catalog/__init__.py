"""The declared features, and the subset of them that a project's data can support."""
