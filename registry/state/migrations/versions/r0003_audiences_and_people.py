"""Audiences over time and in a team; what people pin, and when they were last there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

# fmt: off
# As Alembic writes it.

revision = "0003"
down_revision = '0002'


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table('audience_changes',
    sa.Column('name', sa.String(length=200), nullable=False, comment='of the audience'),
    sa.Column('run', sa.Integer(), nullable=False),
    sa.Column('before', sa.Integer(), nullable=False, comment='the run that it was compared with'),
    sa.Column('key', sa.String(length=64), nullable=False, comment='SHA-256 of what was compared'),
    sa.Column('was', sa.BigInteger(), nullable=False),
    sa.Column('members', sa.BigInteger(), nullable=False),
    sa.Column('joined', sa.BigInteger(), nullable=False),
    sa.Column('left', sa.BigInteger(), nullable=False),
    sa.Column('reasons', sa.JSON(), nullable=False, comment='cause, field, joined and left of each'),
    sa.PrimaryKeyConstraint('name', 'run'),
    if_not_exists=True
    )
    op.create_table('audience_labels',
    sa.Column('name', sa.String(length=200), nullable=False, comment='of the audience'),
    sa.Column('label', sa.String(length=60), nullable=False),
    sa.PrimaryKeyConstraint('name', 'label'),
    if_not_exists=True
    )
    op.create_table('audience_versions',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False, comment='of the audience'),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('who', sa.String(length=254), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('filter', sa.Text(), nullable=False),
    sa.Column('conditions', sa.JSON(), nullable=False, comment='those that all have to hold, as texts'),
    sa.Column('names', sa.JSON(), nullable=False, comment='what the filter names: pairs of kind and name'),
    sa.PrimaryKeyConstraint('id'),
    sqlite_autoincrement=True,
    if_not_exists=True
    )
    with op.batch_alter_table('audience_versions', schema=None) as batch_op:
        batch_op.create_index('audience_versions_by_name', ['name', 'id'], unique=False, if_not_exists=True)
    op.create_table('contacts',
    sa.Column('export', sa.String(length=16), nullable=False, comment='one that is no campaign'),
    sa.Column('day', sa.Date(), nullable=False, comment='on which its members are contacted'),
    sa.Column('channel', sa.String(length=200), nullable=False),
    sa.Column('given', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('export'),
    if_not_exists=True
    )
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
