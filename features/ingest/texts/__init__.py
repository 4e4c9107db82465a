"""How columns of texts write times and numbers: what a column shows by all of its texts, and what has to be asked."""
