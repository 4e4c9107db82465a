"""feast_store: say in one sentence what is here."""
