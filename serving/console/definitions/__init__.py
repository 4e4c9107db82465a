"""Console pages for who defines and reviews tags: changed definitions, rule drafts as they are counted, challengers."""
