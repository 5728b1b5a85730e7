"""Keyed requests of every route: an answer has a status, and a key is taken before there is an answer."""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

NUMBERED = {'sqlite_autoincrement': True}


def upgrade() -> None:
    with op.batch_alter_table('idempotency_key', recreate='always', table_kwargs=NUMBERED) as table:
        table.add_column(sa.Column('status', sa.Integer()), insert_after='body_hash')
        table.alter_column('answer', nullable=True)
    op.execute('UPDATE idempotency_key SET status = 202')  # as all routes answered that had keys


def downgrade() -> None:
    op.execute('DELETE FROM idempotency_key WHERE answer IS NULL')
    with op.batch_alter_table('idempotency_key', recreate='always', table_kwargs=NUMBERED) as table:
        table.alter_column('answer', nullable=False)
        table.drop_column('status')
