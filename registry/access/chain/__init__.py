"""The chain over audit log and access log: each line with the digest of the one before, streamed and verified."""
