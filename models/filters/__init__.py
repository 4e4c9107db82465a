"""The filter language: text is parsed into a tree of conditions."""
