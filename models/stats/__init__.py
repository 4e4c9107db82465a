"""Metrics, intervals and tests on plain arrays: accuracy, calibration, stability, leakage, seasons, draws of rows."""
