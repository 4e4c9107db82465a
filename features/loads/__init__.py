"""What one load of the sources changed against the last: whose ids are others now, and days already loaded that are different."""
