"""Time and memory beside rivals on data drawn from a seed: ``python -m benchmarks.speed.kernel`` and its siblings."""
