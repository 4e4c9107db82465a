"""Saved audiences as a team has them: labels, owners, copies, uploaded lists of ids, and where each is used."""
