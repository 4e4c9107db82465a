"""The learners: logistic regression, LightGBM, BG/NBD, an amount regressor, the RFM baseline, and their blend."""
