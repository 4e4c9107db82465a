"""A first project from somebody's data: what each column is, asked where the data leave it open, written as files."""
