"""Compiled scoring of tree ensembles and additive models, bit for bit equal to the libraries that trained them."""
