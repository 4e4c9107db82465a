"""Source tables are checked, mapped and merged into one content-addressed event log."""
