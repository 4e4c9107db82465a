"""What a tag is and how it learns: definitions, splits, candidates, calibration, confidence. Pure: no stores."""
