"""What a monitoring system asks of the server: health, readiness, and metrics of the nights."""
