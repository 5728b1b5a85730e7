"""Runs migrations on the connection that `db.migrate` opened; there is no other way in."""

from alembic import context

from ba2_trade_platform.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
