"""What stands around the content of a page: the navigation, and buttons that print the page or pin what it is about."""
