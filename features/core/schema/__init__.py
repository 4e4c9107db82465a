"""The tables of `tagcast.toml`, and of labels that a tag names, each validated by itself."""
