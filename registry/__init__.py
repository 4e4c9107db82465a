"""Which model is active and why: versions, gates, governance, accounts and the application state."""
