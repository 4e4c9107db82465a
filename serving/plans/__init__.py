"""Plans of changed definitions: what they say of tags and saved audiences, and whoever makes them for those who serve."""
