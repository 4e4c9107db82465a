"""The profile store on a PostgreSQL server: the tables of a run, published in one transaction."""
