"""What Alembic runs to migrate: on the connection that it is given, within its transaction."""

from __future__ import annotations

from alembic import context

from tagcast.registry.state.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite changes a column by copying its table
    transactional_ddl=True,  # SQLite can, though Alembic does not expect it to
)
with context.begin_transaction():
    context.run_migrations()
