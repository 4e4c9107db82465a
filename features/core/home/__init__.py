"""The home folder as a whole: whose it is, what was made in it, faults of the machine it lies on."""
