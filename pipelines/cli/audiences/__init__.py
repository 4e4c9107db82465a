"""`tagcast audience`: questions about a filter, what will come of its members, and saved audiences."""
