"""Console pages of one customer: the look-up, and who this customer is."""
