"""The ranges of a run: what each needs to be scored by itself, and what is counted of it and adds up."""
