"""What training leaves behind as evidence: metrics, plots, thresholds, and the inputs of the gate."""
