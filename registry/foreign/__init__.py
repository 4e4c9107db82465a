"""Models of others in MLflow that a tag names: pinned to a version and its digest, opened by name alone."""
