"""Whom accounts, keys and sessions see; the access log and the chain of logs, details of sessions and keys, sizes of the home."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tagcast.registry.state.migrations.revisions import is_there

# fmt: off
# As Alembic writes it.

revision = "0002"
down_revision = '0001'


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table('access_log',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('who', sa.String(length=254), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False, comment='profile, members, sample, export, ...'),
    sa.Column('via', sa.String(length=10), nullable=False, comment='api, console, cli or python'),
    sa.Column('address', sa.String(length=64), nullable=False),
    sa.Column('request', sa.String(length=64), nullable=False),
    sa.Column('purpose', sa.String(length=300), nullable=False),
    sa.Column('profiles', sa.BigInteger(), nullable=False, comment='how many were shown'),
    sa.Column('everyone', sa.Boolean(), nullable=False, comment='whether all profiles were shown, or all of a tag'),
    sa.Column('seals', sa.JSON(), nullable=False, comment='SHA-256 of each part of access_log_profiles'),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sqlite_autoincrement=True,
    if_not_exists=True
    )
    with op.batch_alter_table('access_log', schema=None) as batch_op:
        batch_op.create_index('access_log_by_who', ['who', 'id'], unique=False, if_not_exists=True)
    op.create_table('access_log_profiles',
    sa.Column('line', sa.BigInteger(), autoincrement=False, nullable=False, comment='of access_log'),
    sa.Column('part', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('least', sa.BigInteger(), nullable=False),
    sa.Column('most', sa.BigInteger(), nullable=False),
    sa.Column('digests', sa.LargeBinary(), nullable=False, comment='keyed digests of ids, rising, 8 bytes each'),
    sa.PrimaryKeyConstraint('line', 'part'),
    if_not_exists=True
    )
    with op.batch_alter_table('access_log_profiles', schema=None) as batch_op:
        batch_op.create_index('access_log_profiles_by_digest', ['least', 'most'], unique=False, if_not_exists=True)
    op.create_table('api_key_details',
    sa.Column('id', sa.String(length=16), nullable=False, comment='of the key'),
    sa.Column('only', sa.JSON(), nullable=True, comment='rights that it is limited to; null: all of its role'),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    if_not_exists=True
    )
    op.create_table('audit_chain',
    sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False, comment='1, 2, 3, ...'),
    sa.Column('log', sa.String(length=10), nullable=False, comment='audit or access'),
    sa.Column('line', sa.BigInteger(), nullable=False, comment='id in that log'),
    sa.Column('before', sa.String(length=64), nullable=False, comment='digest of the line before'),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('key', sa.String(length=16), nullable=False, comment='names the key of an HMAC; empty: plain SHA-256'),
    sa.PrimaryKeyConstraint('number'),
    if_not_exists=True
    )
    with op.batch_alter_table('audit_chain', schema=None) as batch_op:
        batch_op.create_index('audit_chain_by_line', ['log', 'line'], unique=True, if_not_exists=True)
    op.create_table('audit_streams',
    sa.Column('place', sa.String(length=300), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False, comment='of the last line of the chain that was written there'),
    sa.PrimaryKeyConstraint('place'),
    if_not_exists=True
    )
    op.create_table('home_sizes',
    sa.Column('at', sa.DateTime(timezone=True), nullable=False, comment='when the night began'),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('bytes', sa.BigInteger(), nullable=False),
    sa.Column('files', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('at', 'kind'),
    if_not_exists=True
    )
    op.create_table('session_details',
    sa.Column('token', sa.String(length=64), nullable=False, comment='SHA-256'),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('address', sa.String(length=64), nullable=False),
    sa.Column('agent', sa.String(length=200), nullable=False, comment='the browser, as it calls itself'),
    sa.Column('only', sa.JSON(), nullable=True, comment='rights of the key that it was opened with'),
    sa.PrimaryKeyConstraint('token'),
    if_not_exists=True
    )
    if is_there('api_keys'):
        with op.batch_alter_table('api_keys', schema=None) as batch_op:
            batch_op.add_column(sa.Column('rows', sa.JSON(), server_default='[]', nullable=False, comment='conditions that limit whom they see'))
    if is_there('sessions'):
        with op.batch_alter_table('sessions', schema=None) as batch_op:
            batch_op.add_column(sa.Column('rows', sa.JSON(), server_default='[]', nullable=False, comment='conditions that limit whom they see'))
    if is_there('users'):
        with op.batch_alter_table('users', schema=None) as batch_op:
            batch_op.add_column(sa.Column('rows', sa.JSON(), server_default='[]', nullable=False, comment='conditions that limit whom they see'))
