"""Filters over a run as SQL, saved audiences put in their place, and the run as each person may see it."""
