"""Settings, errors, messages and DuckDB connections: the base that every other package builds on."""
