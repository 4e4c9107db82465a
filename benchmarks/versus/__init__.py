"""One benchmark of two checkouts, run in turn: ``python -m benchmarks.versus``."""
