"""Files and databases opened as tables: all columns by name, types by union, text left as it stands."""
