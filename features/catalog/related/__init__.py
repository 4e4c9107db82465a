"""Declared views of figures of what an entity is related to: as written, settled, and held to one another."""
