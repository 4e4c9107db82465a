"""A company that has a Feast, an MLflow, a Redis and databases of its own: servers for tests, and what lies on them."""
