"""One opened project: settings, event log, definitions and champions, with progress and logging."""
