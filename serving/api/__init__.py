"""The API, and what stands in front of it and of the console: who asks, how much, from where."""
