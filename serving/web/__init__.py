"""web: say in one sentence what is here."""
