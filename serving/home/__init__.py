"""What the console begins with: what is new to somebody, what waits for them, whose promise broke, and where to start."""
