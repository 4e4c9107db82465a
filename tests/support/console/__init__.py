"""What tests of the console look at."""
