"""The lift of a campaign on plain arrays: intervals for one look and for many, what could be seen, whether the arms are as drawn."""
