"""Model versions in MLflow: recorded, listed, verified and promoted, with every decision kept."""
