"""Model versions that nothing needs any more: chosen, and deleted from MLflow with their runs and files."""
