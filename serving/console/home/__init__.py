"""Console page to begin with: what is new, what waits, whose promise broke, goals and first steps."""
