"""SQL of a company's own over the event log, held to what sees no future and gives the same every time."""
