"""The console's texts and their translation."""
