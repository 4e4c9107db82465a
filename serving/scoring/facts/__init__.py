"""Facts of a run: which features it keeps beside its tags, what people call each, and their columns."""
