"""What is odd in the events themselves: implausible times, gaps, sources that stopped, shared ids, renamed words, lost amounts."""
