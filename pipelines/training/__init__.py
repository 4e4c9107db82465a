"""Training runs: readiness checks, labels joined to features, worker processes, registration."""
