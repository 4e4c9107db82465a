"""Which model is in force and why: MLflow versions, gates, decisions."""
