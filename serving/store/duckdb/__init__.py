"""The embedded profile store: one DuckDB file for each run."""
