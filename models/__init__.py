"""What a tag is and how it is learned, calibrated and evaluated; pure functions and values, no databases."""
