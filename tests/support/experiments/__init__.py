"""Experiments with planted effects, as rows of training and as a whole project."""
