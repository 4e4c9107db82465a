"""Model quality on real data split by time: ``python -m benchmarks.quality``, ``.interest``, ``.season``, ``.seasons`` and ``.drift``."""
