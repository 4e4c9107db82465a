"""Tests in folders that mirror the packages; what they share is in support/."""
