"""Migration at start: upgrades the schema, or refuses the start with a sentence to act on."""

from __future__ import annotations

import logging

from sqlalchemy.exc import DatabaseError

from ba2_trade_platform.core.base.errors import StartRefused
from ba2_trade_platform.db.engine import database_file
from ba2_trade_platform.db.migrate import Migrated, MigrationError, upgrade
from ba2_trade_platform.settings import Settings

log = logging.getLogger(__name__)


def migrate(settings: Settings) -> Migrated:
    """Bring the database to this code's schema, after a backup; raises StartRefused when that cannot be done."""
    try:
        done = upgrade(settings.url, settings.data_dir / "backups")
    except MigrationError as error:
        raise StartRefused(str(error), code="DATABASE_SCHEMA") from error
    except DatabaseError as error:
        sentence = f"The database {database_file(settings.url)} cannot be opened: {error.orig}"
        raise StartRefused(sentence, code="DATABASE_BROKEN") from error
    if done.before != done.after:
        made = (
            "created with schema" if done.before is None else f"migrated from {done.before}, backup {done.backup}, to"
        )
        log.info("Database %s %s", made, done.after)
    return done
