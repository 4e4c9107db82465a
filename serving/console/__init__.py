"""The web console in English and Chinese."""
