"""Which model is active and why: MLflow versions, gates, decisions."""
