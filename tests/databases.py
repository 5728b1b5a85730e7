"""An empty database as a file to copy: a copy is there sooner than a migration, which tests/db looks after."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from ba2_trade_platform.db.migrate import upgrade

NAME = "ba2.db"


@cache
def empty_database() -> Path:
    """Return a migrated database without rows, one for this process; it is copied and never opened."""
    folder = Path(tempfile.mkdtemp(prefix="empty-database-"))
    atexit.register(shutil.rmtree, folder)
    upgrade(f"sqlite:///{folder / NAME}", folder / "backups")
    return folder / NAME


def lay_database(folder: Path) -> Path:
    """Return the database of this data folder, an empty one when there was none."""
    file = folder / NAME
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(empty_database(), file)
    return file
