"""What lies in the home and for how long: shown, and deleted once nothing needs it, at the end of each night or by hand."""
