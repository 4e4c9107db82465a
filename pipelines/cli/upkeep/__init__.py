"""Commands that keep a project whole: backup, restore, migrate; what lies in its home, and for how long."""
