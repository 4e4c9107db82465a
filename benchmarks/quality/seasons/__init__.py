"""Last year's season: what it is worth on past days: ``python -m benchmarks.quality.seasons``."""
