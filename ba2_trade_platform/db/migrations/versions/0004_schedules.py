"""Schedules and their runs, watchlists that know their last analysis, paused batches, alerts and notifications."""

import sqlalchemy as sa
from alembic import op

from ba2_trade_platform.db.types import UtcDateTime

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

TABLES = (
    'symbol_map',
    'schedule',
    'schedule_watchlist',
    'schedule_run',
    'presence',
    'alert',
    'notification_channel',
    'notification_rule',
    'notice',
    'notification',
    'backup',
)
STATES = ('running', 'completed', 'failed')
BATCH_COLUMNS = 'id, kind, name, actor_id, state, created_at'
ITEM_COLUMNS = 'id, watchlist_id, instrument_id, position'
CLAIM = ['expert_instance_id', 'priority', 'id', 'available_at', 'rescues_used', 'retry_provider']
LAST_ANALYSIS = (
    """
    CREATE TRIGGER watchlist_sees_submit AFTER INSERT ON market_analysis
    BEGIN UPDATE watchlist_item SET (last_analysis_id, last_analyzed_at, last_status)
        = (NEW.id, NEW.updated_at, NEW.status)
    WHERE instrument_id = (SELECT id FROM instrument WHERE symbol = NEW.symbol); END
    """,
    """
    CREATE TRIGGER watchlist_sees_status AFTER UPDATE OF status, attempt ON market_analysis
    BEGIN UPDATE watchlist_item SET (last_analysis_id, last_analyzed_at, last_status)
        = (NEW.id, NEW.updated_at, NEW.status)
    WHERE instrument_id = (SELECT id FROM instrument WHERE symbol = NEW.symbol); END
    """,
    """
    CREATE TRIGGER watchlist_sees_delete AFTER DELETE ON market_analysis
    BEGIN UPDATE watchlist_item SET (last_analysis_id, last_analyzed_at, last_status)
        = (SELECT id, updated_at, status FROM market_analysis WHERE symbol = OLD.symbol ORDER BY id DESC LIMIT 1)
    WHERE instrument_id = (SELECT id FROM instrument WHERE symbol = OLD.symbol); END
    """,
    """
    CREATE TRIGGER watchlist_takes_item AFTER INSERT ON watchlist_item
    BEGIN UPDATE watchlist_item SET (last_analysis_id, last_analyzed_at, last_status)
        = (SELECT id, updated_at, status FROM market_analysis
           WHERE symbol = (SELECT symbol FROM instrument WHERE id = NEW.instrument_id) ORDER BY id DESC LIMIT 1)
    WHERE id = NEW.id; END
    """,
)


def upgrade() -> None:
    op.add_column('instrument', sa.Column('labels', sa.JSON(none_as_null=True), nullable=True))
    op.add_column('market_analysis', sa.Column('held', sa.Boolean(), server_default=sa.text('0'), nullable=False))
    _claim_index("status = 'pending' AND NOT held")
    _batch()
    _watchlist_item()
    _symbol_map()
    _schedule()
    _schedule_watchlist()
    _schedule_run()
    _presence()
    _alert()
    _notification_channel()
    _notification_rule()
    _notice()
    _notification()
    _backup()
    for trigger in LAST_ANALYSIS:
        op.execute(trigger)


def downgrade() -> None:
    for name in ('sees_submit', 'sees_status', 'sees_delete', 'takes_item'):
        op.execute(f'DROP TRIGGER watchlist_{name}')
    for table in reversed(TABLES):
        op.drop_table(table)
    _old_batch()
    _old_watchlist_item()
    op.drop_index('ix_market_analysis_claim', 'market_analysis')
    op.drop_column('market_analysis', 'held')
    op.create_index('ix_market_analysis_claim', 'market_analysis', CLAIM, unique=False, sqlite_where=sa.text("status = 'pending'"))
    op.drop_column('instrument', 'labels')


def _claim_index(where: str) -> None:
    op.drop_index('ix_market_analysis_claim', 'market_analysis')
    op.create_index('ix_market_analysis_claim', 'market_analysis', CLAIM, unique=False, sqlite_where=sa.text(where))


def _replace(table: str, columns: str, values: str) -> None:
    op.execute(f'INSERT INTO {table}_copy ({columns}) SELECT {values} FROM {table}')
    op.drop_table(table)
    op.rename_table(f'{table}_copy', table)


def _batch() -> None:
    # The CHECK on the state and the foreign key can only be changed by a copy of the table.
    op.create_table('batch_copy',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.Enum('submit', 'bulk_rerun', 'schedule_run', name='batch_kind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('actor_id', sa.Integer(), nullable=False),
    sa.Column('state', sa.Enum('running', 'paused', 'completed', 'failed', 'cancelled', name='batch_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('source', sa.Enum('manual', 'schedule', 'watchlist', 'bulk', 'demo', 'api', name='batch_source', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('paused_at', UtcDateTime(), nullable=True),
    sa.Column('paused_by', sa.Integer(), nullable=True),
    sa.Column('pause_reason', sa.String(), nullable=True),
    sa.Column('finished_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['actor_id'], ['actor.id'], ),
    sa.ForeignKeyConstraint(['paused_by'], ['actor.id'], ),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    _replace('batch', BATCH_COLUMNS, BATCH_COLUMNS)
    op.create_index('ix_batch_state', 'batch', ['state', 'id'], unique=False)


def _old_batch() -> None:
    op.create_table('batch_copy',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.Enum('submit', 'bulk_rerun', 'schedule_run', name='batch_kind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('actor_id', sa.Integer(), nullable=False),
    sa.Column('state', sa.Enum(*STATES, name='batch_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['actor_id'], ['actor.id'], ),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    known = "CASE state WHEN 'paused' THEN 'running' WHEN 'cancelled' THEN 'completed' ELSE state END"
    _replace('batch', BATCH_COLUMNS, f'id, kind, name, actor_id, {known}, created_at')


def _watchlist_item() -> None:
    op.create_table('watchlist_item_copy',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('watchlist_id', sa.Integer(), nullable=False),
    sa.Column('instrument_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('last_analysis_id', sa.Integer(), nullable=True),
    sa.Column('last_analyzed_at', UtcDateTime(), nullable=True),
    sa.Column('last_status', sa.Enum('pending', 'running', 'completed', 'failed', 'skipped', 'cancelled', name='last_status', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.ForeignKeyConstraint(['instrument_id'], ['instrument.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['last_analysis_id'], ['market_analysis.id'], ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['watchlist_id'], ['watchlist.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('watchlist_id', 'instrument_id'), sqlite_autoincrement=True)
    _replace('watchlist_item', ITEM_COLUMNS, ITEM_COLUMNS)
    op.create_index('ix_watchlist_item_instrument_id', 'watchlist_item', ['instrument_id'], unique=False)
    op.create_index('ix_watchlist_item_last_analysis_id', 'watchlist_item', ['last_analysis_id'], unique=False)
    _take_over_last_analyses()


def _take_over_last_analyses() -> None:
    op.execute(
        'UPDATE watchlist_item SET (last_analysis_id, last_analyzed_at, last_status) = '
        '(SELECT a.id, a.updated_at, a.status FROM market_analysis a JOIN instrument i ON i.symbol = a.symbol '
        'WHERE i.id = watchlist_item.instrument_id ORDER BY a.id DESC LIMIT 1)'
    )


def _old_watchlist_item() -> None:
    op.create_table('watchlist_item_copy',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('watchlist_id', sa.Integer(), nullable=False),
    sa.Column('instrument_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['instrument_id'], ['instrument.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['watchlist_id'], ['watchlist.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('watchlist_id', 'instrument_id'), sqlite_autoincrement=True)
    _replace('watchlist_item', ITEM_COLUMNS, ITEM_COLUMNS)
    op.create_index('ix_watchlist_item_instrument_id', 'watchlist_item', ['instrument_id'], unique=False)


def _symbol_map() -> None:
    op.create_table('symbol_map',
    sa.Column('provider', sa.String(length=40), nullable=False),
    sa.Column('symbol', sa.String(length=40), nullable=False),
    sa.Column('provider_symbol', sa.String(length=80), nullable=False),
    sa.PrimaryKeyConstraint('provider', 'symbol'))


def _schedule() -> None:
    op.create_table('schedule',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('archived_at', UtcDateTime(), nullable=True),
    sa.Column('is_demo', sa.Boolean(), nullable=False),
    sa.Column('clock', sa.Enum('real', 'replay', name='schedule_clock', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('expert_instance_id', sa.Integer(), nullable=False),
    sa.Column('subtype', sa.Enum('enter_market', 'open_positions', name='schedule_subtype', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('symbols', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('timing', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('zone', sa.String(length=64), nullable=False),
    sa.Column('calendar', sa.String(length=20), nullable=True),
    sa.Column('starts_on', sa.Date(), nullable=True),
    sa.Column('ends_on', sa.Date(), nullable=True),
    sa.Column('jitter_seconds', sa.Integer(), nullable=False),
    sa.Column('deadline_minutes', sa.Integer(), nullable=True),
    sa.Column('misfire', sa.Enum('run_once', 'run_each', 'skip', name='misfire', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('grace_seconds', sa.Integer(), nullable=False),
    sa.Column('priority', sa.Integer(), nullable=False),
    sa.Column('next_at', UtcDateTime(), nullable=True),
    sa.Column('wake_at', UtcDateTime(), nullable=True),
    sa.Column('actor_id', sa.Integer(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('deadline_minutes > 0', name='some_deadline'),
    sa.CheckConstraint('grace_seconds >= 0', name='grace_not_negative'),
    sa.CheckConstraint('jitter_seconds >= 0', name='jitter_not_negative'),
    sa.ForeignKeyConstraint(['actor_id'], ['actor.id'], ),
    sa.ForeignKeyConstraint(['expert_instance_id'], ['expert_instance.id'], ),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.create_index('ix_schedule_expert', 'schedule', ['expert_instance_id', 'id'], unique=False)
    op.create_index('ix_schedule_wake', 'schedule', ['wake_at', 'id'], unique=False, sqlite_where=sa.text('wake_at IS NOT NULL'))
    op.create_index('ux_schedule_name', 'schedule', ['name'], unique=True, sqlite_where=sa.text('archived_at IS NULL'))


def _schedule_watchlist() -> None:
    op.create_table('schedule_watchlist',
    sa.Column('schedule_id', sa.Integer(), nullable=False),
    sa.Column('watchlist_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['schedule_id'], ['schedule.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['watchlist_id'], ['watchlist.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('schedule_id', 'watchlist_id'))
    op.create_index('ix_schedule_watchlist_watchlist_id', 'schedule_watchlist', ['watchlist_id'], unique=False)


def _schedule_run() -> None:
    op.create_table('schedule_run',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('schedule_id', sa.Integer(), nullable=False),
    sa.Column('planned_at', UtcDateTime(), nullable=False),
    sa.Column('trigger', sa.Enum('planned', 'catch_up', 'manual', name='run_trigger', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('state', sa.Enum('running', 'done', 'late', 'partly_failed', 'failed', 'missed', 'skipped', name='run_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('batch_id', sa.Integer(), nullable=True),
    sa.Column('actor_id', sa.Integer(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('started_at', UtcDateTime(), nullable=True),
    sa.Column('finished_at', UtcDateTime(), nullable=True),
    sa.Column('acknowledged_at', UtcDateTime(), nullable=True),
    sa.Column('acknowledged_by', sa.Integer(), nullable=True),
    sa.Column('acknowledge_reason', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['acknowledged_by'], ['actor.id'], ),
    sa.ForeignKeyConstraint(['actor_id'], ['actor.id'], ),
    sa.ForeignKeyConstraint(['batch_id'], ['batch.id'], ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['schedule_id'], ['schedule.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('schedule_id', 'planned_at'), sqlite_autoincrement=True)
    op.create_index('ix_schedule_run_batch_id', 'schedule_run', ['batch_id'], unique=False)
    op.create_index('ix_schedule_run_planned', 'schedule_run', ['planned_at', 'id'], unique=False)
    op.create_index('ix_schedule_run_state', 'schedule_run', ['state', 'planned_at', 'id'], unique=False)
    op.create_index('ix_schedule_run_under_way', 'schedule_run', ['batch_id'], unique=False, sqlite_where=sa.text("state = 'running'"))
    op.create_index('ix_schedule_run_unseen', 'schedule_run', ['schedule_id', 'planned_at'], unique=False, sqlite_where=sa.text("acknowledged_at IS NULL AND state IN ('missed','failed','partly_failed')"))


def _presence() -> None:
    op.create_table('presence',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('started_at', UtcDateTime(), nullable=False),
    sa.Column('seen_at', UtcDateTime(), nullable=False),
    sa.Column('stopped_at', UtcDateTime(), nullable=True),
    sa.Column('pid', sa.Integer(), nullable=False),
    sa.Column('version', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)


def _alert() -> None:
    op.create_table('alert',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('sentence', sa.String(), nullable=False),
    sa.Column('link', sa.String(length=500), nullable=True),
    sa.Column('first_at', UtcDateTime(), nullable=False),
    sa.Column('last_at', UtcDateTime(), nullable=False),
    sa.Column('seen', sa.Integer(), nullable=False),
    sa.Column('ended_at', UtcDateTime(), nullable=True),
    sa.Column('acknowledged_at', UtcDateTime(), nullable=True),
    sa.Column('acknowledged_by', sa.Integer(), nullable=True),
    sa.Column('acknowledge_reason', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['acknowledged_by'], ['actor.id'], ),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.create_index('ix_alert_last', 'alert', ['last_at', 'id'], unique=False)
    op.create_index('ux_alert_key', 'alert', ['key'], unique=True, sqlite_where=sa.text('acknowledged_at IS NULL'))


def _notification_channel() -> None:
    op.create_table('notification_channel',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('url', sa.LargeBinary(), nullable=False),
    sa.Column('hint', sa.String(length=200), nullable=False),
    sa.Column('quiet_from', sa.String(length=5), nullable=True),
    sa.Column('quiet_until', sa.String(length=5), nullable=True),
    sa.Column('zone', sa.String(length=64), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.Column('last_sent_at', UtcDateTime(), nullable=True),
    sa.Column('last_error_at', UtcDateTime(), nullable=True),
    sa.Column('last_error', sa.String(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('name'), sqlite_autoincrement=True)


def _notification_rule() -> None:
    op.create_table('notification_rule',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('channel_id', sa.Integer(), nullable=False),
    sa.Column('event', sa.String(length=40), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('urgent', sa.Boolean(), nullable=False),
    sa.Column('min_confidence', sa.Float(), nullable=True),
    sa.Column('expert_instance_id', sa.Integer(), nullable=True),
    sa.Column('group_seconds', sa.Integer(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('group_seconds >= 0', name='group_not_negative'),
    sa.ForeignKeyConstraint(['channel_id'], ['notification_channel.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['expert_instance_id'], ['expert_instance.id'], ),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.create_index('ix_notification_rule_channel_id', 'notification_rule', ['channel_id'], unique=False)
    op.create_index('ix_notification_rule_event', 'notification_rule', ['event', 'id'], unique=False)


def _notice() -> None:
    op.create_table('notice',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('event', sa.String(length=40), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('facts', sa.JSON(none_as_null=True), nullable=False),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)


def _notification() -> None:
    op.create_table('notification',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('channel_id', sa.Integer(), nullable=False),
    sa.Column('rule_id', sa.Integer(), nullable=True),
    sa.Column('event', sa.String(length=40), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('title', sa.String(length=300), nullable=False),
    sa.Column('body', sa.String(), nullable=False),
    sa.Column('facts', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('events', sa.Integer(), nullable=False),
    sa.Column('state', sa.Enum('waiting', 'sent', 'failed', name='message_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('due_at', UtcDateTime(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('error', sa.String(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('sent_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['channel_id'], ['notification_channel.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.create_index('ix_notification_channel_id', 'notification', ['channel_id'], unique=False)
    op.create_index('ix_notification_created', 'notification', ['created_at', 'id'], unique=False)
    op.create_index('ix_notification_state', 'notification', ['state', 'due_at', 'id'], unique=False)


def _backup() -> None:
    op.create_table('backup',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('started_at', UtcDateTime(), nullable=False),
    sa.Column('finished_at', UtcDateTime(), nullable=True),
    sa.Column('file', sa.String(length=500), nullable=True),
    sa.Column('bytes', sa.Integer(), nullable=True),
    sa.Column('verified', sa.Boolean(), nullable=False),
    sa.Column('error', sa.String(), nullable=True),
    sa.Column('deleted_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.create_index('ix_backup_started', 'backup', ['started_at', 'id'], unique=False)
