"""Dialects: how each provider is spoken to, what its models were seen to take, and tokens of thinking and of cache writes."""

import sqlalchemy as sa
from alembic import op

from ba2_trade_platform.db.types import UtcDateTime

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

# Adding a column in place leaves the triggers of the call log standing; a table made anew would lose them.
COLUMNS = {
    'model_provider': (
        sa.Column('dialect', sa.String(length=40), nullable=True),
        sa.Column('dialect_changes', sa.JSON(none_as_null=True), nullable=True),
        sa.Column('windows', sa.JSON(none_as_null=True), nullable=True),
    ),
    'model_call': (
        sa.Column('tokens_reasoning', sa.Integer(), nullable=True),
        sa.Column('tokens_written', sa.Integer(), nullable=True),
    ),
}


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    op.create_table('model_adaptation',
    sa.Column('provider', sa.String(length=80), nullable=False),
    sa.Column('model', sa.String(length=200), nullable=False),
    sa.Column('field', sa.String(length=40), nullable=False),
    sa.Column('value', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('adapted_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('provider', 'model', 'field'))
    op.create_table('model_check',
    sa.Column('provider', sa.String(length=80), nullable=False),
    sa.Column('model', sa.String(length=200), nullable=False),
    sa.Column('findings', sa.JSON(none_as_null=True), nullable=False),
    sa.Column('checked_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('provider', 'model'))


def downgrade() -> None:
    op.drop_table('model_check')
    op.drop_table('model_adaptation')
    for table, columns in COLUMNS.items():
        for column in columns:
            op.drop_column(table, column.name)
