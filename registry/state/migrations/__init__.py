"""Revisions of the application state: what each changed of its tables, and how a state is brought forward."""
