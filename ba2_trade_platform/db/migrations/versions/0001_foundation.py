"""Foundation: analyses, attempts, results, experts, batches, watchlists and the queue's switches."""

import sqlalchemy as sa
from alembic import op

from ba2_trade_platform.db.types import Money, UtcDateTime

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


TABLES = (
    'activity_log',
    'actor',
    'expert_instance',
    'instrument',
    'watchlist',
    'batch',
    'expert_config',
    'queue_state',
    'watchlist_item',
    'market_analysis',
    'analysis_attempt',
    'analysis_step',
    'batch_item',
    'expert_recommendation',
    'analysis_output',
    'analysis_step_result',
    'attempt_archive',
    'analysis_raw_data',
)


def upgrade() -> None:
    _activity_log()
    _actor()
    _expert_instance()
    _instrument()
    _watchlist()
    _batch()
    _expert_config()
    _queue_state()
    _watchlist_item()
    _market_analysis()
    _analysis_attempt()
    _analysis_step()
    _batch_item()
    _expert_recommendation()
    _analysis_output()
    _analysis_step_result()
    _attempt_archive()
    _analysis_raw_data()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _activity_log() -> None:
    op.create_table('activity_log',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('actor_id', sa.Integer(), nullable=True),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('subject_type', sa.String(length=40), nullable=False),
    sa.Column('subject_id', sa.Integer(), nullable=True),
    sa.Column('attempt', sa.Integer(), nullable=True),
    sa.Column('what', sa.String(length=80), nullable=False),
    sa.Column('before', sa.String(), nullable=True),
    sa.Column('after', sa.String(), nullable=True),
    sa.Column('reason', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.create_index('ix_activity_log_at', 'activity_log', ['at'], unique=False)
    op.create_index('ix_activity_subject', 'activity_log', ['subject_type', 'subject_id', 'id'], unique=False)


def _actor() -> None:
    op.create_table('actor',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.Enum('user', 'api', 'cli', 'schedule', 'system', name='actor_kind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('settings', sa.JSON(none_as_null=True), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('kind', 'name'), sqlite_autoincrement=True)


def _expert_instance() -> None:
    op.create_table('expert_instance',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('expert', sa.String(length=80), nullable=False),
    sa.Column('alias', sa.String(length=80), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('archived_at', UtcDateTime(), nullable=True),
    sa.Column('is_demo', sa.Boolean(), nullable=False),
    sa.Column('max_concurrent', sa.Integer(), nullable=False),
    sa.Column('max_reruns', sa.Integer(), nullable=False),
    sa.Column('max_retries', sa.Integer(), nullable=False),
    sa.Column('timeout_seconds', sa.Float(), nullable=False),
    sa.Column('config_id', sa.Integer(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.CheckConstraint('max_concurrent >= 1', name='max_concurrent_positive'),
    sa.CheckConstraint('timeout_seconds > 0', name='timeout_positive'),
    sa.ForeignKeyConstraint(['config_id'], ['expert_config.id'], name='fk_expert_instance_config', use_alter=True),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.create_index('ux_expert_instance_alias', 'expert_instance', ['alias'], unique=True, sqlite_where=sa.text('archived_at IS NULL'), postgresql_where=sa.text('archived_at IS NULL'))


def _instrument() -> None:
    op.create_table('instrument',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('symbol', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('type', sa.String(length=40), nullable=False),
    sa.Column('exchange', sa.String(length=20), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('calendar', sa.String(length=20), nullable=False),
    sa.Column('is_demo', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('symbol'), sqlite_autoincrement=True)


def _watchlist() -> None:
    op.create_table('watchlist',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('is_demo', sa.Boolean(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('name'), sqlite_autoincrement=True)


def _batch() -> None:
    op.create_table('batch',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.Enum('submit', 'bulk_rerun', 'schedule_run', name='batch_kind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('actor_id', sa.Integer(), nullable=False),
    sa.Column('state', sa.Enum('running', 'completed', 'failed', name='batch_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['actor_id'], ['actor.id'], ),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)


def _expert_config() -> None:
    op.create_table('expert_config',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('expert_instance_id', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('settings', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('actor_id', sa.Integer(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['actor_id'], ['actor.id'], ),
    sa.ForeignKeyConstraint(['expert_instance_id'], ['expert_instance.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('expert_instance_id', 'revision'), sqlite_autoincrement=True)


def _queue_state() -> None:
    op.create_table('queue_state',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('paused', sa.Boolean(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('actor_id', sa.Integer(), nullable=True),
    sa.Column('since', UtcDateTime(), nullable=True),
    sa.Column('slots', sa.Integer(), nullable=False),
    sa.CheckConstraint('id = 1', name='one_row'),
    sa.CheckConstraint('slots >= 1', name='slots_positive'),
    sa.ForeignKeyConstraint(['actor_id'], ['actor.id'], ),
    sa.PrimaryKeyConstraint('id'))


def _watchlist_item() -> None:
    op.create_table('watchlist_item',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('watchlist_id', sa.Integer(), nullable=False),
    sa.Column('instrument_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['instrument_id'], ['instrument.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['watchlist_id'], ['watchlist.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('watchlist_id', 'instrument_id'), sqlite_autoincrement=True)
    op.create_index('ix_watchlist_item_instrument_id', 'watchlist_item', ['instrument_id'], unique=False)


def _market_analysis() -> None:
    op.create_table('market_analysis',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('symbol', sa.String(length=40), nullable=False),
    sa.Column('expert_instance_id', sa.Integer(), nullable=False),
    sa.Column('subtype', sa.Enum('enter_market', 'open_positions', name='analysis_subtype', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('status', sa.Enum('pending', 'running', 'completed', 'failed', 'skipped', 'cancelled', name='analysis_status', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('source', sa.Enum('manual', 'schedule', 'watchlist', 'bulk', 'demo', 'api', name='analysis_source', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('batch_id', sa.Integer(), nullable=True),
    sa.Column('priority', sa.Integer(), nullable=False),
    sa.Column('as_of', UtcDateTime(), nullable=True),
    sa.Column('run_before', UtcDateTime(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.Column('available_at', UtcDateTime(), nullable=False),
    sa.Column('started_at', UtcDateTime(), nullable=True),
    sa.Column('finished_at', UtcDateTime(), nullable=True),
    sa.Column('duration_ms', sa.Integer(), nullable=True),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('reruns_used', sa.Integer(), nullable=False),
    sa.Column('retries_used', sa.Integer(), nullable=False),
    sa.Column('rescues_used', sa.Integer(), nullable=False),
    sa.Column('progress', sa.Integer(), nullable=False),
    sa.Column('current_step', sa.String(), nullable=True),
    sa.Column('config_id', sa.Integer(), nullable=True),
    sa.Column('error_code', sa.String(length=40), nullable=True),
    sa.Column('error_message', sa.String(), nullable=True),
    sa.Column('failure_kind', sa.Enum('transient', 'permanent', 'unknown', name='failure_kind', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('fingerprint', sa.String(length=64), nullable=True),
    sa.Column('result_action', sa.Enum('BUY', 'SELL', 'HOLD', 'REVIEW', name='result_action', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('result_confidence', sa.Float(), nullable=True),
    sa.Column('result_expected_profit', sa.Float(), nullable=True),
    sa.Column('lease_token', sa.String(length=64), nullable=True),
    sa.Column('lease_until', UtcDateTime(), nullable=True),
    sa.Column('worker_id', sa.String(length=80), nullable=True),
    sa.Column('dedupe_key', sa.String(length=200), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('state', sa.JSON(none_as_null=True), nullable=True),
    sa.CheckConstraint('progress BETWEEN 0 AND 100', name='progress_percent'),
    sa.ForeignKeyConstraint(['batch_id'], ['batch.id'], ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['config_id'], ['expert_config.id'], ),
    sa.ForeignKeyConstraint(['expert_instance_id'], ['expert_instance.id'], ),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.create_index('ix_market_analysis_attempt', 'market_analysis', ['attempt', 'id'], unique=False)
    op.create_index('ix_market_analysis_batch', 'market_analysis', ['batch_id', 'id'], unique=False)
    op.create_index('ix_market_analysis_claim', 'market_analysis', ['expert_instance_id', 'priority', 'id', 'available_at', 'rescues_used'], unique=False, sqlite_where=sa.text("status = 'pending'"), postgresql_where=sa.text("status = 'pending'"))
    op.create_index('ix_market_analysis_created_at', 'market_analysis', ['created_at', 'id'], unique=False)
    op.create_index('ix_market_analysis_duration_ms', 'market_analysis', ['duration_ms', 'id'], unique=False)
    op.create_index('ix_market_analysis_error_code', 'market_analysis', ['error_code', 'id'], unique=False)
    op.create_index('ix_market_analysis_error_expert', 'market_analysis', ['error_code', 'expert_instance_id', 'id'], unique=False, sqlite_where=sa.text('error_code IS NOT NULL'), postgresql_where=sa.text('error_code IS NOT NULL'))
    op.create_index('ix_market_analysis_errors', 'market_analysis', ['id', 'error_code', 'error_message'], unique=False, sqlite_where=sa.text('error_code IS NOT NULL'), postgresql_where=sa.text('error_code IS NOT NULL'))
    op.create_index('ix_market_analysis_expert_instance_id', 'market_analysis', ['expert_instance_id', 'id'], unique=False)
    op.create_index('ix_market_analysis_failed_expert', 'market_analysis', ['expert_instance_id', 'id'], unique=False, sqlite_where=sa.text("status = 'failed'"), postgresql_where=sa.text("status = 'failed'"))
    op.create_index('ix_market_analysis_fingerprint', 'market_analysis', ['fingerprint', 'id'], unique=False)
    op.create_index('ix_market_analysis_finished_at', 'market_analysis', ['finished_at', 'id'], unique=False)
    op.create_index('ix_market_analysis_lease', 'market_analysis', ['lease_until'], unique=False, sqlite_where=sa.text("status = 'running'"), postgresql_where=sa.text("status = 'running'"))
    op.create_index('ix_market_analysis_result_action', 'market_analysis', ['result_action', 'id'], unique=False)
    op.create_index('ix_market_analysis_result_confidence', 'market_analysis', ['result_confidence', 'id'], unique=False)
    op.create_index('ix_market_analysis_result_expected_profit', 'market_analysis', ['result_expected_profit', 'id'], unique=False)
    op.create_index('ix_market_analysis_run_before', 'market_analysis', ['run_before'], unique=False, sqlite_where=sa.text("status = 'pending'"), postgresql_where=sa.text("status = 'pending'"))
    op.create_index('ix_market_analysis_source', 'market_analysis', ['source', 'id'], unique=False)
    op.create_index('ix_market_analysis_status', 'market_analysis', ['status', 'id'], unique=False)
    op.create_index('ix_market_analysis_subtype', 'market_analysis', ['subtype', 'id'], unique=False)
    op.create_index('ix_market_analysis_symbol', 'market_analysis', ['symbol', 'id'], unique=False)
    op.create_index('ux_market_analysis_dedupe_key', 'market_analysis', ['dedupe_key'], unique=True, sqlite_where=sa.text("status IN ('pending','running')"), postgresql_where=sa.text("status IN ('pending','running')"))


def _analysis_attempt() -> None:
    op.create_table('analysis_attempt',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('analysis_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('trigger', sa.Enum('first', 'rerun', 'retry', 'rescue', 'release', 'bulk', name='attempt_trigger', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('mode', sa.Enum('fresh', 'resume', 'from_step', 'only', name='attempt_mode', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('base_attempt', sa.Integer(), nullable=False),
    sa.Column('actor_id', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('queued_at', UtcDateTime(), nullable=False),
    sa.Column('started_at', UtcDateTime(), nullable=True),
    sa.Column('finished_at', UtcDateTime(), nullable=True),
    sa.Column('outcome', sa.Enum('completed', 'failed', 'skipped', 'cancelled', 'interrupted', 'released', name='attempt_outcome', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('error_code', sa.String(length=40), nullable=True),
    sa.Column('error_message', sa.String(), nullable=True),
    sa.Column('failure_kind', sa.Enum('transient', 'permanent', 'unknown', name='attempt_failure_kind', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('fingerprint', sa.String(length=64), nullable=True),
    sa.Column('warnings', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('effective_as_of', UtcDateTime(), nullable=True),
    sa.Column('config_id', sa.Integer(), nullable=True),
    sa.Column('environment', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('worker_id', sa.String(length=80), nullable=True),
    sa.Column('tokens', sa.Integer(), nullable=True),
    sa.Column('cost', Money(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.ForeignKeyConstraint(['actor_id'], ['actor.id'], ),
    sa.ForeignKeyConstraint(['analysis_id'], ['market_analysis.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['config_id'], ['expert_config.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('analysis_id', 'number'), sqlite_autoincrement=True)
    op.create_index('ix_analysis_attempt_fingerprint', 'analysis_attempt', ['fingerprint', 'id'], unique=False)


def _analysis_step() -> None:
    op.create_table('analysis_step',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('analysis_id', sa.Integer(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('status', sa.Enum('running', 'completed', 'failed', name='step_status', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('inputs_hash', sa.String(length=64), nullable=True),
    sa.Column('started_at', UtcDateTime(), nullable=False),
    sa.Column('finished_at', UtcDateTime(), nullable=True),
    sa.Column('tokens', sa.Integer(), nullable=True),
    sa.Column('cost', Money(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('provider', sa.String(length=80), nullable=True),
    sa.Column('error_message', sa.String(), nullable=True),
    sa.Column('reused_from_attempt', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['analysis_id'], ['market_analysis.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('analysis_id', 'attempt', 'position'), sqlite_autoincrement=True)


def _batch_item() -> None:
    op.create_table('batch_item',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('batch_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('symbol', sa.String(length=40), nullable=False),
    sa.Column('expert_instance_id', sa.Integer(), nullable=False),
    sa.Column('analysis_id', sa.Integer(), nullable=True),
    sa.Column('attempt', sa.Integer(), nullable=True),
    sa.Column('outcome', sa.Enum('queued', 'duplicate', 'skipped', 'blocked', 'succeeded', 'failed', name='item_outcome', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['analysis_id'], ['market_analysis.id'], ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['batch_id'], ['batch.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['expert_instance_id'], ['expert_instance.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('batch_id', 'position'), sqlite_autoincrement=True)
    op.create_index('ix_batch_item_analysis_id', 'batch_item', ['analysis_id'], unique=False)
    op.create_index('ix_batch_item_outcome', 'batch_item', ['batch_id', 'outcome'], unique=False)


def _expert_recommendation() -> None:
    op.create_table('expert_recommendation',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('market_analysis_id', sa.Integer(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('expert_instance_id', sa.Integer(), nullable=False),
    sa.Column('symbol', sa.String(length=40), nullable=False),
    sa.Column('subtype', sa.Enum('enter_market', 'open_positions', name='recommendation_subtype', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('recommended_action', sa.Enum('BUY', 'SELL', 'HOLD', 'REVIEW', name='recommended_action', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('confidence', sa.Float(), nullable=False),
    sa.Column('expected_profit_percent', sa.Float(), nullable=False),
    sa.Column('price_at_date', Money(), nullable=True),
    sa.Column('target_price', Money(), nullable=True),
    sa.Column('stop_price', Money(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('risk_level', sa.Enum('low', 'medium', 'high', name='risk_level', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('time_horizon', sa.Enum('short_term', 'medium_term', 'long_term', name='time_horizon', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('details', sa.String(), nullable=False),
    sa.Column('effective_as_of', UtcDateTime(), nullable=False),
    sa.Column('is_current', sa.Boolean(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.CheckConstraint('confidence BETWEEN 1 AND 100', name='confidence_percent'),
    sa.ForeignKeyConstraint(['expert_instance_id'], ['expert_instance.id'], ),
    sa.ForeignKeyConstraint(['market_analysis_id'], ['market_analysis.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('market_analysis_id'), sqlite_autoincrement=True)
    op.create_index('ix_expert_recommendation_history', 'expert_recommendation', ['expert_instance_id', 'symbol', 'subtype', 'effective_as_of', 'market_analysis_id'], unique=False)
    op.create_index('ux_expert_recommendation_current', 'expert_recommendation', ['expert_instance_id', 'symbol', 'subtype'], unique=True, sqlite_where=sa.text('is_current'), postgresql_where=sa.text('is_current'))


def _analysis_output() -> None:
    op.create_table('analysis_output',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('market_analysis_id', sa.Integer(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('step_id', sa.Integer(), nullable=True),
    sa.Column('type', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('text', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['market_analysis_id'], ['market_analysis.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['step_id'], ['analysis_step.id'], ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.create_index('ix_analysis_output_analysis', 'analysis_output', ['market_analysis_id', 'id'], unique=False)
    op.create_index('ix_analysis_output_step_id', 'analysis_output', ['step_id'], unique=False)


def _analysis_step_result() -> None:
    op.create_table('analysis_step_result',
    sa.Column('step_id', sa.Integer(), nullable=False),
    sa.Column('result', sa.JSON(none_as_null=True), nullable=True),
    sa.ForeignKeyConstraint(['step_id'], ['analysis_step.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('step_id'))


def _attempt_archive() -> None:
    op.create_table('attempt_archive',
    sa.Column('attempt_id', sa.Integer(), nullable=False),
    sa.Column('traceback', sa.LargeBinary(), nullable=True),
    sa.Column('contents', sa.LargeBinary(), nullable=True),
    sa.ForeignKeyConstraint(['attempt_id'], ['analysis_attempt.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('attempt_id'))


def _analysis_raw_data() -> None:
    op.create_table('analysis_raw_data',
    sa.Column('output_id', sa.Integer(), nullable=False),
    sa.Column('data', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['output_id'], ['analysis_output.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('output_id'))
