"""Runs: build features, train, score, evaluate; the command line."""
