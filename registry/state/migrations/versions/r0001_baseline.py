"""The tables of the first layout."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

# fmt: off
# As Alembic writes it.

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table('api_keys',
    sa.Column('id', sa.String(length=16), nullable=False),
    sa.Column('secret', sa.String(length=64), nullable=False, comment='SHA-256'),
    sa.Column('name', sa.String(length=254), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('sensitive', sa.Boolean(), nullable=False),
    sa.Column('added_by', sa.String(length=254), nullable=False),
    sa.Column('added_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    if_not_exists=True
    )
    op.create_table('applied_definitions',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('tag', sa.String(length=250), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('who', sa.String(length=254), nullable=False),
    sa.Column('how', sa.String(length=10), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('definition', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sqlite_autoincrement=True,
    if_not_exists=True
    )
    with op.batch_alter_table('applied_definitions', schema=None) as batch_op:
        batch_op.create_index('applied_definitions_by_tag', ['tag', 'id'], unique=False, if_not_exists=True)
    op.create_table('audience_mentions',
    sa.Column('name', sa.String(length=200), nullable=False, comment='of the audience'),
    sa.Column('kind', sa.String(length=10), nullable=False, comment='field or audience'),
    sa.Column('mentioned', sa.String(length=300), nullable=False, comment='what its filter names'),
    sa.PrimaryKeyConstraint('name', 'kind', 'mentioned'),
    if_not_exists=True
    )
    with op.batch_alter_table('audience_mentions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_audience_mentions_mentioned'), ['mentioned'], unique=False, if_not_exists=True)
    op.create_table('audience_sizes',
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('run', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('members', sa.BigInteger(), nullable=False),
    sa.Column('base', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name', 'run'),
    if_not_exists=True
    )
    op.create_table('audiences',
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('owner', sa.String(length=254), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('filter', sa.Text(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('run', sa.Integer(), nullable=True),
    sa.Column('members', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('name'),
    if_not_exists=True
    )
    op.create_table('audit',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('who', sa.String(length=254), nullable=False),
    sa.Column('action', sa.String(length=50), nullable=False),
    sa.Column('subject', sa.String(length=300), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sqlite_autoincrement=True,
    if_not_exists=True
    )
    with op.batch_alter_table('audit', schema=None) as batch_op:
        batch_op.create_index('audit_by_action', ['action', 'id'], unique=False, if_not_exists=True)
        batch_op.create_index('audit_by_subject', ['subject', 'id'], unique=False, if_not_exists=True)
    op.create_table('campaigns',
    sa.Column('id', sa.String(length=16), nullable=False, comment='of the export'),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('entity', sa.String(length=100), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('made_by', sa.String(length=254), nullable=False),
    sa.Column('filter', sa.Text(), nullable=False),
    sa.Column('names', sa.JSON(), nullable=False, comment='tags and attributes that the filter and the goal name'),
    sa.Column('channel', sa.String(length=200), nullable=False),
    sa.Column('goal', sa.JSON(), nullable=False, comment='an outcome in the words of a tag'),
    sa.Column('wanted', sa.String(length=4), nullable=False, comment='more or less of it'),
    sa.Column('tag', sa.String(length=250), nullable=False, comment='whose scores predict the goal; empty: none'),
    sa.Column('starts', sa.Date(), nullable=False),
    sa.Column('days', sa.Integer(), nullable=False),
    sa.Column('share', sa.Float(), nullable=False, comment='to hold out'),
    sa.Column('seed', sa.BigInteger(), nullable=False),
    sa.Column('stratified', sa.Boolean(), nullable=False, comment="whether by deciles of the tag's score"),
    sa.Column('given', sa.BigInteger(), nullable=False),
    sa.Column('held_out', sa.BigInteger(), nullable=False),
    sa.Column('standing', sa.BigInteger(), nullable=False, comment='left out as standing control group'),
    sa.Column('run', sa.Integer(), nullable=False),
    sa.Column('as_of', sa.Date(), nullable=False),
    sa.Column('promised', sa.JSON(), nullable=False, comment='what scores said of the members at export'),
    sa.Column('final', sa.JSON(), nullable=True, comment='what was measured once the window had closed'),
    sa.Column('measured_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    if_not_exists=True
    )
    op.create_table('id_lists',
    sa.Column('list', sa.String(length=300), nullable=False),
    sa.Column('part', sa.Integer(), nullable=False),
    sa.Column('ids', sa.LargeBinary(), nullable=False, comment='zlib of a JSON list'),
    sa.PrimaryKeyConstraint('list', 'part'),
    if_not_exists=True
    )
    op.create_table('life_steps',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('tag', sa.String(length=250), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('who', sa.String(length=254), nullable=False),
    sa.Column('was', sa.String(length=20), nullable=False),
    sa.Column('to', sa.String(length=20), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sqlite_autoincrement=True,
    if_not_exists=True
    )
    with op.batch_alter_table('life_steps', schema=None) as batch_op:
        batch_op.create_index('life_steps_by_tag', ['tag', 'id'], unique=False, if_not_exists=True)
    op.create_table('login_attempts',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False, comment='SHA-256 of the name that was given'),
    sa.Column('address', sa.String(length=64), nullable=False, comment='SHA-256 of the network that it was given from'),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sqlite_autoincrement=True,
    if_not_exists=True
    )
    with op.batch_alter_table('login_attempts', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_login_attempts_name'), ['name'], unique=False, if_not_exists=True)
    op.create_table('movement_causes',
    sa.Column('run_id', sa.String(length=250), nullable=False),
    sa.Column('tag', sa.String(length=250), nullable=False),
    sa.Column('by_data', sa.Float(), nullable=True),
    sa.Column('by_model', sa.Float(), nullable=True),
    sa.Column('by_threshold', sa.Float(), nullable=True),
    sa.Column('sampled', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('run_id', 'tag'),
    if_not_exists=True
    )
    op.create_table('night_steps',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('due', sa.DateTime(timezone=True), nullable=False, comment='when the refresh of its tags came last'),
    sa.Column('step', sa.String(length=20), nullable=False),
    sa.Column('outcome', sa.String(length=10), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seconds', sa.Float(), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('inputs', sa.String(length=100), nullable=False, comment='what went into it: equal inputs, equal outcome'),
    sa.Column('news', sa.JSON(), nullable=False, comment='what somebody should hear of; of a step notify what was sent'),
    sa.PrimaryKeyConstraint('id'),
    sqlite_autoincrement=True,
    if_not_exists=True
    )
    with op.batch_alter_table('night_steps', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_night_steps_due'), ['due'], unique=False, if_not_exists=True)
    op.create_table('observed_metrics',
    sa.Column('tag', sa.String(length=250), nullable=False),
    sa.Column('as_of', sa.Date(), nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('metric', sa.String(length=40), nullable=False),
    sa.Column('people', sa.BigInteger(), nullable=False, comment='whom it was measured on'),
    sa.Column('value', sa.Float(), nullable=False),
    sa.Column('low', sa.Float(), nullable=False, comment='of a 95 % interval'),
    sa.Column('high', sa.Float(), nullable=False),
    sa.Column('expected', sa.Float(), nullable=True, comment='by the run itself, before anybody knew'),
    sa.Column('expected_low', sa.Float(), nullable=True),
    sa.Column('expected_high', sa.Float(), nullable=True),
    sa.PrimaryKeyConstraint('tag', 'as_of', 'version', 'metric'),
    if_not_exists=True
    )
    op.create_table('observed_promises',
    sa.Column('tag', sa.String(length=250), nullable=False),
    sa.Column('as_of', sa.Date(), nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('place', sa.Integer(), autoincrement=False, nullable=False, comment='in the order of at_least'),
    sa.Column('at_least', sa.Float(), nullable=False),
    sa.Column('due', sa.Date(), nullable=False),
    sa.Column('predicted', sa.BigInteger(), nullable=False),
    sa.Column('promised', sa.Float(), nullable=True),
    sa.Column('right', sa.Float(), nullable=True),
    sa.Column('gone', sa.BigInteger(), nullable=False, comment='predicted for profiles that are no longer known'),
    sa.PrimaryKeyConstraint('tag', 'as_of', 'version', 'place'),
    if_not_exists=True
    )
    op.create_table('observed_promises_approached',
    sa.Column('tag', sa.String(length=250), nullable=False),
    sa.Column('as_of', sa.Date(), nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('place', sa.Integer(), autoincrement=False, nullable=False, comment='in the order of at_least'),
    sa.Column('approached', sa.BigInteger(), nullable=False, comment='predicted for profiles that a campaign approached'),
    sa.PrimaryKeyConstraint('tag', 'as_of', 'version', 'place'),
    if_not_exists=True
    )
    op.create_table('ratings',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('tag', sa.String(length=250), nullable=False),
    sa.Column('who', sa.String(length=254), nullable=False),
    sa.Column('stars', sa.SmallInteger(), nullable=False),
    sa.Column('comment', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sqlite_autoincrement=True,
    if_not_exists=True
    )
    with op.batch_alter_table('ratings', schema=None) as batch_op:
        batch_op.create_index('ratings_by_tag', ['tag', 'id'], unique=False, if_not_exists=True)
    op.create_table('rule_drafts',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('tag', sa.String(length=250), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('who', sa.String(length=254), nullable=False),
    sa.Column('definition', sa.JSON(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sqlite_autoincrement=True,
    if_not_exists=True
    )
    with op.batch_alter_table('rule_drafts', schema=None) as batch_op:
        batch_op.create_index('rule_drafts_by_tag', ['tag', 'id'], unique=False, if_not_exists=True)
    op.create_table('sessions',
    sa.Column('token', sa.String(length=64), nullable=False, comment='SHA-256'),
    sa.Column('name', sa.String(length=254), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('sensitive', sa.Boolean(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('token'),
    if_not_exists=True
    )
    with op.batch_alter_table('sessions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sessions_name'), ['name'], unique=False, if_not_exists=True)
    op.create_table('shadow_comparisons',
    sa.Column('tag', sa.String(length=250), nullable=False),
    sa.Column('as_of', sa.Date(), nullable=False),
    sa.Column('champion', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False, comment='the challenger'),
    sa.Column('metric', sa.String(length=40), nullable=False),
    sa.Column('due', sa.Date(), nullable=False),
    sa.Column('people', sa.BigInteger(), nullable=False, comment='whom both predicted'),
    sa.Column('of_champion', sa.Float(), nullable=False),
    sa.Column('of_challenger', sa.Float(), nullable=False),
    sa.Column('difference', sa.Float(), nullable=False, comment='challenger minus champion'),
    sa.Column('low', sa.Float(), nullable=False, comment='of a 95 % interval of the difference, paired'),
    sa.Column('high', sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint('tag', 'as_of', 'champion', 'version', 'metric'),
    if_not_exists=True
    )
    op.create_table('shadows',
    sa.Column('tag', sa.String(length=250), nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('champion', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('since', sa.Date(), nullable=False, comment='as of which run it was scored beside this champion first'),
    sa.PrimaryKeyConstraint('tag', 'version', 'champion'),
    if_not_exists=True
    )
    op.create_table('tag_uses',
    sa.Column('tag', sa.String(length=250), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('day', sa.Date(), nullable=False, comment='UTC'),
    sa.Column('times', sa.BigInteger(), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('tag', 'kind', 'day'),
    if_not_exists=True
    )
    op.create_table('users',
    sa.Column('name', sa.String(length=254), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('sensitive', sa.Boolean(), nullable=False),
    sa.Column('password', sa.String(length=200), nullable=False, comment='argon2'),
    sa.Column('added_by', sa.String(length=254), nullable=False),
    sa.Column('added_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name'),
    if_not_exists=True
    )
