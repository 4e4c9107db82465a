"""The languages of the console: the translator of a page, and the words that pages share."""
