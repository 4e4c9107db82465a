"""Console pages for operation: runs, reviews, the audit log, users and keys."""
