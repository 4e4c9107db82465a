"""Portraits: what sets an audience apart, in levels with intervals and numbers in quantiles, and what of it tells most."""
