"""pins and visits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

# fmt: off
# As Alembic writes it.

revision = "0003"
down_revision = '0002'


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table('pins',
    sa.Column('who', sa.String(length=254), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False, comment='tag or audience'),
    sa.Column('name', sa.String(length=250), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('who', 'kind', 'name'),
    if_not_exists=True
    )
    op.create_table('visits',
    sa.Column('who', sa.String(length=254), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('before_at', sa.DateTime(timezone=True), nullable=True, comment='end of the visit before'),
    sa.PrimaryKeyConstraint('who'),
    if_not_exists=True
    )
