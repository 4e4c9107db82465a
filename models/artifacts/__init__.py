"""A trained tag as a folder of plain text files with digests: written, verified and loaded."""
