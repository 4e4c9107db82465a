"""Events with every awkward value, drawn once, and written as each kind of source holds them."""
