"""Spark beside one machine: what features and scoring cost there, in CPU and memory of all processes."""
