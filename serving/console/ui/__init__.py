"""Building blocks of console pages: layout, widgets, charts, formatting and escaped HTML."""
