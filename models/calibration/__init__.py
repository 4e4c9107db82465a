"""From raw model output to calibrated scores and bounds that follow how outcomes drift."""
