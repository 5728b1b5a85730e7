"""Attempts that were withdrawn: re-runs that a person took back before a worker claimed them."""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

BEFORE = "'interrupted', 'released')"
AFTER = "'interrupted', 'released', 'withdrawn')"


def upgrade() -> None:
    _outcomes(BEFORE, AFTER)


def downgrade() -> None:
    # The version before gives a re-run the number after the analysis' own: none may be taken there.
    op.execute("""
        DELETE FROM analysis_attempt WHERE outcome = 'withdrawn'
        AND number > (SELECT attempt FROM market_analysis WHERE market_analysis.id = analysis_attempt.analysis_id)""")
    op.execute("UPDATE analysis_attempt SET outcome = 'cancelled' WHERE outcome = 'withdrawn'")
    _outcomes(AFTER, BEFORE)


def _outcomes(before: str, after: str) -> None:
    # The CHECK on the outcome can only be changed by a copy of the table; its indexes go with it and come back.
    connection = op.get_bind()
    of_table = {'type': 'table', 'table': 'analysis_attempt'}
    made = sa.text('SELECT sql FROM sqlite_master WHERE type = :type AND tbl_name = :table AND sql IS NOT NULL')
    table = connection.execute(made, of_table).scalar_one()
    indexes = connection.execute(made, {**of_table, 'type': 'index'}).scalars().all()
    last_id = connection.execute(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'analysis_attempt'")).scalar()
    if table.count(before) != 1:
        raise RuntimeError(f'analysis_attempt has no CHECK that ends with {before}')
    copy = table.replace(before, after).replace('analysis_attempt', 'attempt_copy', 1)
    connection.exec_driver_sql(copy)
    connection.exec_driver_sql('INSERT INTO attempt_copy SELECT * FROM analysis_attempt')
    connection.exec_driver_sql('DROP TABLE analysis_attempt')
    connection.exec_driver_sql('ALTER TABLE attempt_copy RENAME TO analysis_attempt')
    for index in indexes:
        connection.exec_driver_sql(index)
    if last_id is not None:  # so that the id of an attempt that was deleted is not given to another
        known = connection.execute(
            sa.text("UPDATE sqlite_sequence SET seq = :last WHERE name = 'analysis_attempt'"), {'last': last_id}
        )
        if not known.rowcount:
            connection.execute(
                sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('analysis_attempt', :last)"), {'last': last_id}
            )
