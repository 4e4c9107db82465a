"""Figures of models, decisions, drivers and backtests."""
