"""Commands that keep a project whole: backup, restore, migrate."""
