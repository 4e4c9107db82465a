"""Results of commands as tables and text for people, or as JSON."""
