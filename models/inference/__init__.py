"""Predictions for a batch of profiles: all models of a run together, rules, reasons, and why a value is unknown."""
