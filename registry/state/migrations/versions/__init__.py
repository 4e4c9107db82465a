"""The revisions by rising number, as Alembic reads them."""
