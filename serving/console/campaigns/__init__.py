"""Console pages of campaigns: the list, and what one of them did."""
