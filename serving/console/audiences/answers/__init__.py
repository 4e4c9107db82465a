"""What the builder answers after each click: the count, what will come of it, labels, profit, value at risk."""
