"""The public door: say here what a person may call."""
