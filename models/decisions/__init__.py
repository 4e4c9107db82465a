"""Decision rules: from scores to values, confidence and bands, and what each threshold gains and costs."""
