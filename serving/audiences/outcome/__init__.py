"""What will come of an audience: outcomes against chance, gain charts, nearest alternatives, value at risk."""
