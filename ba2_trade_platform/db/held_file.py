"""Held file: the database file that a console began with, told from another that lies in its place since."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

SMALLEST_BYTES = 512  # one page of the smallest size; a database is never less


class HeldFile:
    """The file behind an engine; it is any file until `hold` is called.

    SQLite itself goes on with a file that was deleted or replaced, and loses at the end what was written meanwhile.
    """

    def __init__(self, engine: Engine) -> None:
        self._file = Path(engine.url.database or "")
        self._identity: tuple[int, int] | None = None
        event.listen(engine, "do_connect", self._refuse_another)

    def hold(self) -> None:
        """Take what lies there now for the one and only; raises OSError when there is nothing."""
        self._identity = _identity(self._file.stat())

    def loss(self) -> str | None:
        """Return what became of the file, None while it is in its place; raises OSError when that cannot be told."""
        if self._identity is None:
            return None
        try:
            found = self._file.stat()
        except (FileNotFoundError, NotADirectoryError):
            return "is gone"
        if _identity(found) != self._identity:
            return "was replaced by another"
        return "was emptied" if found.st_size < SMALLEST_BYTES else None

    def set_log_aside(self) -> None:
        """Move the log of a replaced file away from beside the new one, into which SQLite would play it."""
        try:
            if self._identity is None or _identity(self._file.stat()) == self._identity:
                return
        except OSError:  # nothing lies there that could take harm
            return
        aside = f"{self._file.stem}-lost-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}{self._file.suffix}"
        for ending in ("-wal", "-shm"):
            with suppress(OSError):
                self._file.with_name(self._file.name + ending).replace(self._file.with_name(aside + ending))

    def _refuse_another(self, *_: Any) -> None:
        """Keep a new connection from a file of which the others know nothing."""
        loss = self.loss()
        if loss is not None:
            raise sqlite3.OperationalError(f"the file {loss}")


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
