"""A run is staged, checked, compared with the last one, and published whole or not at all."""
