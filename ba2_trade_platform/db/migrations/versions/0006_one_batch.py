"""One kind of batch: the parameters of a bulk re-run are columns of its batch, and audit lines have closed words."""

import sqlalchemy as sa
from alembic import op

from ba2_trade_platform.db.types import UtcDateTime

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

KINDS = ('submit', 'bulk_rerun', 'schedule_run')
SOURCES = ('manual', 'schedule', 'watchlist', 'bulk', 'demo', 'api')
MODES = ('fresh', 'resume', 'from_step', 'only')
OLD_STATES = ('running', 'paused', 'completed', 'failed', 'cancelled')
STATES = ('canary', *OLD_STATES, 'canary_failed', 'aborted')
BULK_STATES = ('canary', 'running', 'completed', 'canary_failed', 'aborted')

# (subject, action) as they were written, and as they are now; what only had a sentence keeps it as its key.
WORDS = (
    ('batch', 'bulk re-run', 'batch', 'rerun'),
    ('batch', 'abort', 'batch', 'abort'),
    ('batch', 'pause batch', 'batch', 'pause'),
    ('batch', 'resume batch', 'batch', 'resume'),
    ('batch', 'cancel batch', 'batch', 'cancel'),
    ('analysis', 'put first', 'analysis', 'prioritize'),
    ('breaker', 'breaker open', 'breaker', 'open'),
    ('breaker', 'breaker drain', 'breaker', 'drain'),
    ('breaker', 'breaker close', 'breaker', 'close'),
    ('breaker', 'breaker reopen', 'breaker', 'reopen'),
    ('backup', 'back up', 'backup', 'create'),
    ('desk_setting', 'change heartbeat', 'dead_man_switch', 'change'),
    ('instrument', 'added', 'instrument', 'create'),
    ('instrument', 'changed', 'instrument', 'change'),
    ('instrument', 'deleted', 'instrument', 'delete'),
    ('instrument', 'instruments imported', 'instrument', 'import'),
    ('lesson', 'delete lesson', 'lesson', 'delete'),
    ('lesson', 'restore lesson', 'lesson', 'restore'),
    ('queue', 'slots', 'queue', 'resize'),
    ('replay', 'start the replay', 'replay', 'start'),
    ('replay', 'pause the replay', 'replay', 'pause'),
    ('replay', 'resume the replay', 'replay', 'resume'),
    ('replay', 'stop the replay', 'replay', 'stop'),
    ('replay', "change the replay's speed", 'replay', 'change'),
    ('retention', 'pack archives', 'archives', 'pack'),
    ('schedule', 'run now', 'schedule', 'run'),
    ('watchlist', 'made', 'watchlist', 'create'),
    ('watchlist', 'renamed', 'watchlist', 'rename'),
    ('watchlist', 'deleted', 'watchlist', 'delete'),
    ('watchlist', 'symbols imported', 'watchlist', 'import'),
    ('watchlist', 'symbols added', 'watchlist_item', 'create'),
    ('watchlist', 'symbols taken off', 'watchlist_item', 'remove'),
    ('watchlist', 'symbols put back', 'watchlist_item', 'restore'),
    ('watchlist', 'order changed', 'watchlist_item', 'order'),
)
# Sentences that begin so: the rest of each is what the line is about.
BEGINNINGS = (
    ('failure group', 'mark of failure group ', 'failure_group', 'mark'),
    ('failure group', 'kind of failure group ', 'failure_group', 'reclassify'),
    ('desk_setting', 'change ', 'desk_setting', 'change'),
    ('symbol map', 'call ', 'symbol_map', 'change'),
    ('symbol map', 'forget ', 'symbol_map', 'remove'),
)


def upgrade() -> None:
    _batch()
    op.add_column('activity_log', sa.Column('subject_key', sa.String(length=200), nullable=True))
    connection = op.get_bind()
    for subject, what, new_subject, new_what in WORDS:
        connection.execute(
            sa.text('UPDATE activity_log SET subject_type = :ns, what = :nw WHERE subject_type = :s AND what = :w'),
            {'ns': new_subject, 'nw': new_what, 's': subject, 'w': what},
        )
    for subject, beginning, new_subject, new_what in BEGINNINGS:
        connection.execute(
            sa.text(
                'UPDATE activity_log SET subject_type = :ns, what = :nw, subject_key = substr(what, :length + 1) '
                'WHERE subject_type = :s AND substr(what, 1, :length) = :b'
            ),
            {'ns': new_subject, 'nw': new_what, 's': subject, 'b': beginning, 'length': len(beginning)},
        )


def downgrade() -> None:
    connection = op.get_bind()
    for subject, beginning, new_subject, new_what in BEGINNINGS:
        connection.execute(
            sa.text(
                'UPDATE activity_log SET subject_type = :s, what = :b || subject_key '
                'WHERE subject_type = :ns AND what = :nw AND subject_key IS NOT NULL'
            ),
            {'ns': new_subject, 'nw': new_what, 's': subject, 'b': beginning},
        )
    for subject, what, new_subject, new_what in WORDS:
        connection.execute(
            sa.text('UPDATE activity_log SET subject_type = :s, what = :w WHERE subject_type = :ns AND what = :nw'),
            {'ns': new_subject, 'nw': new_what, 's': subject, 'w': what},
        )
    op.drop_column('activity_log', 'subject_key')
    _old_batch()


def _batch() -> None:
    # The CHECK on the state can only be changed by a copy of the table.
    op.create_table('batch_copy',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', _choice('batch_kind', KINDS), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('actor_id', sa.Integer(), nullable=False),
    sa.Column('state', _choice('batch_state', STATES), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('source', _choice('batch_source', SOURCES), nullable=True),
    sa.Column('resume_state', _choice('batch_resume_state', STATES), nullable=True),
    sa.Column('stopped_at', UtcDateTime(), nullable=True),
    sa.Column('stopped_by', sa.Integer(), nullable=True),
    sa.Column('stop_reason', sa.String(), nullable=True),
    sa.Column('finished_at', UtcDateTime(), nullable=True),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('mode', _choice('batch_mode', MODES), nullable=True),
    sa.Column('filter', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('rate_per_minute', sa.Integer(), nullable=True),
    sa.Column('canary', sa.Integer(), nullable=True),
    sa.Column('plan_hash', sa.String(length=64), nullable=True),
    sa.Column('next_at', UtcDateTime(), nullable=True),
    sa.Column('after_batch_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['actor_id'], ['actor.id'], ),
    sa.ForeignKeyConstraint(['after_batch_id'], ['batch.id'], ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['stopped_by'], ['actor.id'], ),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.execute(
        'INSERT INTO batch_copy SELECT b.id, b.kind, b.name, b.actor_id, '
        # A batch that was completed because nothing of it waited says what its bulk re-run says of itself.
        "CASE WHEN r.state IN ('canary', 'canary_failed', 'aborted') THEN r.state ELSE b.state END, "
        'b.created_at, b.source, CASE b.state WHEN \'paused\' THEN \'running\' END, b.paused_at, b.paused_by, b.pause_reason, '
        'CASE WHEN r.batch_id IS NULL THEN b.finished_at ELSE r.finished_at END, '
        'r.reason, r.mode, r.filter, r.rate_per_minute, r.canary, r.plan_hash, r.next_at, r.after_batch_id '
        'FROM batch b LEFT JOIN bulk_rerun r ON r.batch_id = b.id'
    )
    op.execute(
        "UPDATE batch_copy SET (stopped_at, stopped_by, stop_reason) = (SELECT l.at, l.actor_id, l.reason "
        "FROM activity_log l WHERE l.subject_type = 'batch' AND l.subject_id = batch_copy.id AND l.what = 'abort' "
        "ORDER BY l.id DESC LIMIT 1) WHERE state = 'aborted'"
    )
    _replace()
    op.drop_table('bulk_rerun')
    op.create_index('ix_batch_state', 'batch', ['state', 'id'], unique=False)
    op.create_index('ix_batch_unfinished', 'batch', ['id'], unique=False, sqlite_where=sa.text('finished_at IS NULL'), postgresql_where=sa.text('finished_at IS NULL'))


def _old_batch() -> None:
    op.create_table('bulk_rerun',
    sa.Column('batch_id', sa.Integer(), nullable=False),
    sa.Column('state', _choice('bulk_state', BULK_STATES), nullable=False),
    sa.Column('mode', _choice('bulk_mode', MODES), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('filter', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('rate_per_minute', sa.Integer(), nullable=True),
    sa.Column('canary', sa.Integer(), nullable=True),
    sa.Column('plan_hash', sa.String(length=64), nullable=False),
    sa.Column('next_at', UtcDateTime(), nullable=False),
    sa.Column('finished_at', UtcDateTime(), nullable=True),
    sa.Column('after_batch_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['after_batch_id'], ['batch.id'], ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['batch_id'], ['batch.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('batch_id'))
    op.create_index('ix_bulk_rerun_state', 'bulk_rerun', ['state'], unique=False)
    op.execute(
        'INSERT INTO bulk_rerun SELECT id, '
        # The older schema cannot pause or cancel one: it goes on, or skips what is not queued yet.
        "CASE state WHEN 'paused' THEN 'running' WHEN 'cancelled' THEN 'aborted' WHEN 'failed' THEN 'completed' "
        'ELSE state END, mode, reason, filter, rate_per_minute, canary, plan_hash, next_at, finished_at, after_batch_id '
        "FROM batch WHERE kind = 'bulk_rerun'"
    )
    op.create_table('batch_copy',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', _choice('batch_kind', KINDS), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('actor_id', sa.Integer(), nullable=False),
    sa.Column('state', _choice('batch_state', OLD_STATES), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('source', _choice('batch_source', SOURCES), nullable=True),
    sa.Column('paused_at', UtcDateTime(), nullable=True),
    sa.Column('paused_by', sa.Integer(), nullable=True),
    sa.Column('pause_reason', sa.String(), nullable=True),
    sa.Column('finished_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['actor_id'], ['actor.id'], ),
    sa.ForeignKeyConstraint(['paused_by'], ['actor.id'], ),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.execute(
        'INSERT INTO batch_copy SELECT id, kind, name, actor_id, '
        "CASE WHEN kind = 'bulk_rerun' AND state <> 'failed' AND finished_at IS NULL THEN 'running' "
        "WHEN state IN ('canary_failed', 'aborted') OR (kind = 'bulk_rerun' AND state = 'cancelled') THEN 'completed' "
        "WHEN state = 'canary' THEN 'running' ELSE state END, created_at, source, "
        "CASE WHEN kind = 'bulk_rerun' THEN NULL ELSE stopped_at END, "
        "CASE WHEN kind = 'bulk_rerun' THEN NULL ELSE stopped_by END, "
        "CASE WHEN kind = 'bulk_rerun' THEN NULL ELSE stop_reason END, finished_at FROM batch"
    )
    _replace()
    op.create_index('ix_batch_state', 'batch', ['state', 'id'], unique=False)


def _replace() -> None:
    """Let the copy take the table's place, and go on with the ids where the table was."""
    connection = op.get_bind()
    last_id = connection.execute(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'batch'")).scalar()
    op.drop_table('batch')
    op.rename_table('batch_copy', 'batch')
    connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'batch'"))
    if last_id is not None:
        connection.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('batch', :last)"), {'last': last_id})


def _choice(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)
