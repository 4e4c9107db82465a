"""What people have a right to: all that is known of them in one file, and to be erased from everything, with a receipt."""
