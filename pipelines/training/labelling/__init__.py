"""What came of whom at every snapshot of a tag, counted range by range of profiles, and the rows that are learned from."""
