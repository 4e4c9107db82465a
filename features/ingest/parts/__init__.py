"""The files of the event log, and what of them a load has to read and to write anew."""
