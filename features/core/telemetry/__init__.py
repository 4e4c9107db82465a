"""What is seen of a process from outside: log lines as JSON with the ids of request and run, and traces through OpenTelemetry."""
