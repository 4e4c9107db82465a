"""i18n: say in one sentence what is here."""
