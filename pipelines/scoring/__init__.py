"""Scoring runs: everyone is scored and published, and changes of values are explained."""
