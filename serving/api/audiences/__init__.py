"""Routes of audiences: questions about a filter, exports, and saved audiences."""
