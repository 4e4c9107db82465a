"""The console: pages on top of the service layer, in English and Chinese."""
