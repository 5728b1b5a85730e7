"""Language models: providers, calls, lessons, and settings of the whole desk."""

import sqlalchemy as sa
from alembic import op

from ba2_trade_platform.db.types import Money, UtcDateTime

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

UNDER_WAY = sa.text('outcome IS NULL')
APPEND_ONLY = (
    """
    CREATE TRIGGER model_call_is_kept BEFORE DELETE ON model_call
    BEGIN SELECT RAISE(ABORT, 'model calls are kept for ever'); END
    """,
    """
    CREATE TRIGGER model_call_is_new BEFORE INSERT ON model_call
    WHEN EXISTS (SELECT 1 FROM model_call WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'model calls are never replaced'); END
    """,
    """
    CREATE TRIGGER model_call_ends_once BEFORE UPDATE ON model_call
    WHEN OLD.outcome IS NOT NULL OR NEW.outcome IS NULL OR NEW.id IS NOT OLD.id
        OR NEW.analysis_id IS NOT OLD.analysis_id OR NEW.attempt IS NOT OLD.attempt
        OR NEW.expert_instance_id IS NOT OLD.expert_instance_id OR NEW.symbol IS NOT OLD.symbol
        OR NEW.step IS NOT OLD.step OR NEW.provider IS NOT OLD.provider OR NEW.model IS NOT OLD.model
        OR NEW.started_at IS NOT OLD.started_at OR NEW.reserved IS NOT OLD.reserved
        OR NEW.currency IS NOT OLD.currency
    BEGIN SELECT RAISE(ABORT, 'a model call is changed once, when it ends'); END
    """,
)


def upgrade() -> None:
    _model_provider()
    _model_call()
    _model_answer()
    _lesson()
    op.create_table('desk_setting',
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('value', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('actor_id', sa.Integer(), nullable=True),
    sa.Column('changed_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['actor_id'], ['actor.id'], ),
    sa.PrimaryKeyConstraint('name'))


def downgrade() -> None:
    for table in ('desk_setting', 'lesson', 'model_answer', 'model_call', 'model_provider'):
        op.drop_table(table)


def _model_provider() -> None:
    op.create_table('model_provider',
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('kind', sa.Enum('openai', 'anthropic', 'ollama', 'scripted', name='provider_kind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('base_url', sa.String(length=500), nullable=True),
    sa.Column('quick_model', sa.String(length=200), nullable=False),
    sa.Column('deep_model', sa.String(length=200), nullable=False),
    sa.Column('structured', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('requests_per_minute', sa.Integer(), nullable=True),
    sa.Column('tokens_per_minute', sa.Integer(), nullable=True),
    sa.Column('concurrency', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('key', sa.LargeBinary(), nullable=True),
    sa.Column('key_changed_at', UtcDateTime(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('updated_at', UtcDateTime(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('concurrency > 0', name='some_concurrency'),
    sa.PrimaryKeyConstraint('name'))


def _model_call() -> None:
    op.create_table('model_call',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('analysis_id', sa.Integer(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('expert_instance_id', sa.Integer(), nullable=False),
    sa.Column('symbol', sa.String(length=40), nullable=False),
    sa.Column('step', sa.String(length=200), nullable=True),
    sa.Column('provider', sa.String(length=80), nullable=False),
    sa.Column('model', sa.String(length=200), nullable=False),
    sa.Column('started_at', UtcDateTime(), nullable=False),
    sa.Column('duration_ms', sa.Integer(), nullable=True),
    sa.Column('outcome', sa.Enum('answered', 'failed', 'cancelled', 'interrupted', name='call_outcome', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('tokens_in', sa.Integer(), nullable=True),
    sa.Column('tokens_out', sa.Integer(), nullable=True),
    sa.Column('tokens_cached', sa.Integer(), nullable=True),
    sa.Column('reserved', Money(), nullable=True),
    sa.Column('cost', Money(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('error_code', sa.String(length=40), nullable=True),
    sa.Column('error_message', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.create_index('ix_model_call_analysis', 'model_call', ['analysis_id', 'attempt', 'step'], unique=False)
    op.create_index('ix_model_call_expert', 'model_call', ['expert_instance_id', 'started_at'], unique=False)
    op.create_index('ix_model_call_started', 'model_call', ['started_at', 'expert_instance_id', 'cost', 'reserved'], unique=False)
    op.create_index('ix_model_call_under_way', 'model_call', ['id'], unique=False, sqlite_where=UNDER_WAY)
    for trigger in APPEND_ONLY:
        op.execute(trigger)


def _model_answer() -> None:
    op.create_table('model_answer',
    sa.Column('call_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('analysis_id', sa.Integer(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('message', sa.JSON(none_as_null=True), nullable=False),
    sa.PrimaryKeyConstraint('call_id'))
    op.create_index('ix_model_answer_analysis', 'model_answer', ['analysis_id', 'digest', 'call_id'], unique=False)


def _lesson() -> None:
    op.create_table('lesson',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('analysis_id', sa.Integer(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('expert_instance_id', sa.Integer(), nullable=False),
    sa.Column('symbol', sa.String(length=40), nullable=False),
    sa.Column('subtype', sa.Enum('enter_market', 'open_positions', name='lesson_subtype', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('action', sa.Enum('BUY', 'SELL', 'HOLD', 'REVIEW', name='lesson_action', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('confidence', sa.Float(), nullable=False),
    sa.Column('expected_profit_percent', sa.Float(), nullable=False),
    sa.Column('as_of', UtcDateTime(), nullable=False),
    sa.Column('known_at', UtcDateTime(), nullable=False),
    sa.Column('price_then', Money(), nullable=True),
    sa.Column('price_after', Money(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('time_horizon', sa.Enum('short_term', 'medium_term', 'long_term', name='lesson_time_horizon', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('return_percent', sa.Float(), nullable=False),
    sa.Column('rise_percent', sa.Float(), nullable=False),
    sa.Column('fall_percent', sa.Float(), nullable=False),
    sa.Column('met_first', sa.Enum('target', 'stop', name='lesson_met_first', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('was_right', sa.Boolean(), nullable=False),
    sa.Column('situation', sa.String(), nullable=False),
    sa.Column('decision', sa.String(), nullable=False),
    sa.Column('reflection', sa.String(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('deleted_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('id'), sqlite_autoincrement=True)
    op.create_index('ux_lesson_decision', 'lesson', ['analysis_id', 'attempt'], unique=True)
    op.create_index('ix_lesson_symbol', 'lesson', ['symbol', 'id'], unique=False)
    op.create_index('ix_lesson_known', 'lesson', ['known_at', 'id'], unique=False)
