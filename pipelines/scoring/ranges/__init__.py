"""A scoring run by ranges of profiles: what is done for each, wherever an engine does it, and how it is put together."""
