"""Faults that tests bring about, and a shop that has to survive them."""
