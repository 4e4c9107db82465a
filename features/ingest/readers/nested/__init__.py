"""Values inside of others, each by its path as a column of its own: JSON files and texts, structures of Parquet."""
