"""gates: say in one sentence what is here."""
