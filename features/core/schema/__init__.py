"""The tables of `tagcast.toml`, each validated by itself."""
