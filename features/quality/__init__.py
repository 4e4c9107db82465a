"""What is odd in the events: implausible times, gaps, sources that stopped, shared ids, renamed words, lost amounts."""
