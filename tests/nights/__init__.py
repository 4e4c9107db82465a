"""A shop's year of nights, `make nights`: what kills, full disks, silence and changed data leave behind, held to an undisturbed year."""
