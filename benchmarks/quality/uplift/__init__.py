"""Persuadable customers on a real test beside other libraries: ``make bench-uplift``."""
