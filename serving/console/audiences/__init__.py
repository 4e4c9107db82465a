"""Console pages of audiences: the builder, portraits, comparison and saved audiences."""
