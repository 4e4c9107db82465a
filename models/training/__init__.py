"""Training of one tag: time-ordered splits, model selection, tuning, calibration and measurement."""
