"""Alembic environment: runs on the connection that `db.migrate` opened, and refuses any other way in."""

from alembic import context

from ba2_trade_platform.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
