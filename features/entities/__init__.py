"""Entities beside the profile: what each is called, and the project as one of them sees it."""
