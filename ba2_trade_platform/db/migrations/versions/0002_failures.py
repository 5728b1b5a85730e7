"""Failures: groups, breakers, bulk re-runs, retries with back-off, and what an attempt answers."""

import sqlalchemy as sa
from alembic import op

from ba2_trade_platform.db.types import UtcDateTime

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

OUTCOMES = ('queued', 'duplicate', 'skipped', 'blocked', 'succeeded', 'failed')
ITEM_COLUMNS = 'id, batch_id, position, symbol, expert_instance_id, analysis_id, attempt, outcome, reason'
ATTEMPT_COLUMNS = ('step', 'provider', 'provider_choice', 'batch_id', 'after_fingerprint', 'after_code', 'after_failed_at', 'acknowledged', 'packed_into')
AFTER = {'after_fingerprint': sa.text('after_fingerprint IS NOT NULL'), 'after_code': sa.text('after_code IS NOT NULL')}
OPEN = sa.text('outcome IS NULL AND after_fingerprint IS NOT NULL')
PROVIDED = sa.text('provider IS NOT NULL')
PENDING = sa.text("status = 'pending'")
FAILED = sa.text("status = 'failed'")


def upgrade() -> None:
    _columns()
    _batch_item('planned', *OUTCOMES)
    op.create_index('ix_batch_item_outcome', 'batch_item', ['batch_id', 'outcome', 'position'], unique=False)
    _failure_group()
    _breaker()
    _bulk_rerun()
    _idempotency_key()
    _backfill()
    _indexes()


def downgrade() -> None:
    for table in ('idempotency_key', 'bulk_rerun', 'breaker', 'failure_hour', 'failure_group'):
        op.drop_table(table)
    for name in ('finished', 'after_fingerprint', 'after_code', 'open_after', 'provider'):
        op.drop_index(f'ix_analysis_attempt_{name}', 'analysis_attempt')
    op.drop_index('ix_market_analysis_failed_fingerprint', 'market_analysis')
    op.drop_index('ix_market_analysis_claim', 'market_analysis')
    op.execute("DELETE FROM batch_item WHERE outcome = 'planned'")
    _batch_item(*OUTCOMES)
    op.create_index('ix_batch_item_outcome', 'batch_item', ['batch_id', 'outcome'], unique=False)
    for name in ATTEMPT_COLUMNS:
        op.drop_column('analysis_attempt', name)
    op.drop_column('analysis_step', 'depends_on')
    op.drop_column('market_analysis', 'retry_provider')
    for name in ('retry_base_seconds', 'retry_cap_seconds'):
        op.drop_column('expert_instance', name)
    _claim_index()


def _columns() -> None:
    # Columns are added in place: a copy of the tables of analyses and attempts could take minutes.
    op.add_column('expert_instance', sa.Column('retry_base_seconds', sa.Float(), server_default='5', nullable=False))
    op.add_column('expert_instance', sa.Column('retry_cap_seconds', sa.Float(), server_default='300', nullable=False))
    op.add_column('market_analysis', sa.Column('retry_provider', sa.String(length=80), nullable=True))
    op.add_column('analysis_attempt', sa.Column('step', sa.String(length=200), nullable=True))
    op.add_column('analysis_attempt', sa.Column('provider', sa.String(length=80), nullable=True))
    op.add_column('analysis_attempt', sa.Column('provider_choice', sa.JSON(none_as_null=True), nullable=True))
    op.add_column('analysis_attempt', sa.Column('batch_id', sa.Integer(), nullable=True))
    op.add_column('analysis_attempt', sa.Column('after_fingerprint', sa.String(length=64), nullable=True))
    op.add_column('analysis_attempt', sa.Column('after_code', sa.String(length=40), nullable=True))
    op.add_column('analysis_attempt', sa.Column('after_failed_at', UtcDateTime(), nullable=True))
    op.add_column('analysis_attempt', sa.Column('acknowledged', sa.JSON(none_as_null=True), nullable=True))
    op.add_column('analysis_attempt', sa.Column('packed_into', sa.String(length=200), nullable=True))
    op.add_column('analysis_step', sa.Column('depends_on', sa.JSON(none_as_null=True), nullable=True))


def _batch_item(*outcomes: str) -> None:
    # The CHECK on the outcome can only be changed by a copy of the table.
    op.create_table('batch_item_copy',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('batch_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('symbol', sa.String(length=40), nullable=False),
    sa.Column('expert_instance_id', sa.Integer(), nullable=False),
    sa.Column('analysis_id', sa.Integer(), nullable=True),
    sa.Column('attempt', sa.Integer(), nullable=True),
    sa.Column('outcome', sa.Enum(*outcomes, name='item_outcome', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['analysis_id'], ['market_analysis.id'], ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['batch_id'], ['batch.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['expert_instance_id'], ['expert_instance.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('batch_id', 'position'), sqlite_autoincrement=True)
    op.execute(f'INSERT INTO batch_item_copy ({ITEM_COLUMNS}) SELECT {ITEM_COLUMNS} FROM batch_item')
    op.drop_table('batch_item')
    op.rename_table('batch_item_copy', 'batch_item')
    op.create_index('ix_batch_item_analysis_id', 'batch_item', ['analysis_id'], unique=False)


def _failure_group() -> None:
    op.create_table('failure_group',
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('message', sa.String(), nullable=False),
    sa.Column('provider', sa.String(length=80), nullable=True),
    sa.Column('first_seen', UtcDateTime(), nullable=False),
    sa.Column('last_seen', UtcDateTime(), nullable=False),
    sa.Column('seen', sa.Integer(), nullable=False),
    sa.Column('regressed_at', UtcDateTime(), nullable=True),
    sa.Column('mark', sa.Enum('resolved', 'ignored', 'wont_fix', name='failure_mark', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('marked_at', UtcDateTime(), nullable=True),
    sa.Column('marked_by', sa.Integer(), nullable=True),
    sa.Column('mark_reason', sa.String(), nullable=True),
    sa.Column('ignore_until', UtcDateTime(), nullable=True),
    sa.Column('ignore_seen', sa.Integer(), nullable=True),
    sa.Column('kind', sa.Enum('transient', 'permanent', 'unknown', name='group_failure_kind', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('kind_at', UtcDateTime(), nullable=True),
    sa.Column('kind_by', sa.Integer(), nullable=True),
    sa.Column('kind_reason', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['kind_by'], ['actor.id'], ),
    sa.ForeignKeyConstraint(['marked_by'], ['actor.id'], ),
    sa.PrimaryKeyConstraint('fingerprint'))
    op.create_index('ix_failure_group_last_seen', 'failure_group', ['last_seen', 'fingerprint'], unique=False)
    op.create_index('ix_failure_group_kind', 'failure_group', ['kind'], unique=False, sqlite_where=sa.text('kind IS NOT NULL'))
    op.create_index('ix_failure_group_mark', 'failure_group', ['mark'], unique=False, sqlite_where=sa.text('mark IS NOT NULL'))
    op.create_table('failure_hour',
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('hour', UtcDateTime(), nullable=False),
    sa.Column('seen', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['fingerprint'], ['failure_group.fingerprint'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('fingerprint', 'hour'))
    op.create_index('ix_failure_hour_hour', 'failure_hour', ['hour'], unique=False)


def _breaker() -> None:
    op.create_table('breaker',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('provider', sa.String(length=80), nullable=False),
    sa.Column('code', sa.String(length=40), nullable=True),
    sa.Column('state', sa.Enum('open', 'probing', 'draining', 'closed', name='breaker_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('opened_at', UtcDateTime(), nullable=False),
    sa.Column('opened_by', sa.Integer(), nullable=True),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('cooldown_seconds', sa.Float(), nullable=False),
    sa.Column('probe_at', UtcDateTime(), nullable=True),
    sa.Column('probe_analysis_id', sa.Integer(), nullable=True),
    sa.Column('probe_attempt', sa.Integer(), nullable=True),
    sa.Column('probes', sa.Integer(), nullable=False),
    sa.Column('drained_at', UtcDateTime(), nullable=True),
    sa.Column('released', sa.Integer(), nullable=False),
    sa.Column('closed_at', UtcDateTime(), nullable=True),
    sa.Column('closed_by', sa.Integer(), nullable=True),
    sa.Column('close_reason', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['closed_by'], ['actor.id'], ),
    sa.ForeignKeyConstraint(['opened_by'], ['actor.id'], ),
    sa.ForeignKeyConstraint(['probe_analysis_id'], ['market_analysis.id'], ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.create_index('ix_breaker_opened', 'breaker', ['opened_at', 'id'], unique=False)
    op.create_index('ux_breaker_provider', 'breaker', ['provider'], unique=True, sqlite_where=sa.text("state <> 'closed'"))


def _bulk_rerun() -> None:
    op.create_table('bulk_rerun',
    sa.Column('batch_id', sa.Integer(), nullable=False),
    sa.Column('state', sa.Enum('canary', 'running', 'completed', 'canary_failed', 'aborted', name='bulk_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('mode', sa.Enum('fresh', 'resume', 'from_step', 'only', name='bulk_mode', native_enum=False, create_constraint=True, length=32), nullable=False),
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


def _idempotency_key() -> None:
    op.create_table('idempotency_key',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('actor_id', sa.Integer(), nullable=False),
    sa.Column('route', sa.String(length=200), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('body_hash', sa.String(length=64), nullable=False),
    sa.Column('answer', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['actor_id'], ['actor.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('actor_id', 'route', 'key'), sqlite_autoincrement=True)
    op.create_index('ix_idempotency_key_created', 'idempotency_key', ['created_at'], unique=False)


def _backfill() -> None:
    """Give the failures and re-runs of earlier versions their groups and their track record."""
    op.execute("""
        INSERT INTO failure_group (fingerprint, code, message, first_seen, last_seen, seen)
        SELECT fingerprint, MAX(error_code), SUBSTR(MAX(COALESCE(error_message, '')), 1, 4000),
               MIN(finished_at), MAX(finished_at), COUNT(*)
        FROM analysis_attempt
        WHERE fingerprint IS NOT NULL AND outcome = 'failed' AND finished_at IS NOT NULL GROUP BY fingerprint""")
    op.execute("""
        INSERT INTO failure_hour (fingerprint, hour, seen)
        SELECT fingerprint, SUBSTR(finished_at, 1, 13) || ':00:00.000000', COUNT(*) FROM analysis_attempt
        WHERE fingerprint IS NOT NULL AND outcome = 'failed' AND finished_at IS NOT NULL GROUP BY 1, 2""")
    op.execute("""
        UPDATE analysis_attempt SET after_fingerprint = before.fingerprint, after_code = before.error_code,
               after_failed_at = before.finished_at
        FROM analysis_attempt AS before
        WHERE before.analysis_id = analysis_attempt.analysis_id AND before.number = analysis_attempt.number - 1
          AND before.outcome = 'failed' AND analysis_attempt."trigger" IN ('rerun', 'retry', 'bulk')""")


def _indexes() -> None:
    op.drop_index('ix_market_analysis_claim', 'market_analysis')
    _claim_index('retry_provider')
    op.create_index('ix_market_analysis_failed_fingerprint', 'market_analysis', ['fingerprint', 'expert_instance_id', 'symbol', 'id', 'status'], unique=False, sqlite_where=FAILED)
    op.create_index('ix_analysis_attempt_finished', 'analysis_attempt', ['finished_at', 'id'], unique=False)
    for name, among in AFTER.items():
        op.create_index(f'ix_analysis_attempt_{name}', 'analysis_attempt', [name, 'id', 'outcome', 'started_at', 'after_failed_at'], unique=False, sqlite_where=among)
    op.create_index('ix_analysis_attempt_open_after', 'analysis_attempt', ['after_fingerprint', 'outcome'], unique=False, sqlite_where=OPEN)
    op.create_index('ix_analysis_attempt_provider', 'analysis_attempt', ['provider', 'error_code', 'finished_at'], unique=False, sqlite_where=PROVIDED)


def _claim_index(*more: str) -> None:
    op.create_index('ix_market_analysis_claim', 'market_analysis', ['expert_instance_id', 'priority', 'id', 'available_at', 'rescues_used', *more], unique=False, sqlite_where=PENDING)
