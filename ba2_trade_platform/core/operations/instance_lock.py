"""Instance lock: an OS file lock that keeps a second console away from the same database."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ba2_trade_platform.core.base.errors import StartRefused


@dataclass(frozen=True)
class Holder:
    """The console that holds a database."""

    pid: int
    url: str


class InstanceLock:
    """The lock of one database file; the kernel lets go of it when its process dies, however it dies."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._card = database.with_name(database.name + ".owner.json")
        self._lock = FileLock(database.with_name(database.name + ".lock"), thread_local=False)

    def take(self, url: str) -> None:
        """Take the lock, reachable at `url`; raises StartRefused naming the present one, or why there can be none."""
        try:
            self._database.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(blocking=False)
            self._card.write_text(json.dumps(asdict(Holder(os.getpid(), url))))
        except Timeout as error:
            holder = self._read()
            who = f"process {holder.pid}, {holder.url}" if holder else "another process"
            raise StartRefused(
                f"Another console ({who}) already works on {self._database}; stop it first, or open it in the browser",
                code="DATABASE_HELD",
            ) from error
        except OSError as error:
            self._lock.release()
            where = error.filename or self._database.parent
            raise StartRefused(f"{where} cannot be written: {error.strerror or error}", code="NOT_WRITABLE") from error

    def release(self) -> None:
        """Let go; releasing twice is allowed."""
        if self._lock.is_locked:
            self._card.unlink(missing_ok=True)
            self._lock.release()

    def holder(self) -> Holder | None:
        """Return who holds the database now, None when nobody does."""
        if not self._database.parent.exists():
            return None
        try:
            with self._lock.acquire(blocking=False):
                return None
        except Timeout:
            return self._read() or Holder(0, "")
        except OSError:  # a folder that cannot be written: nobody works there, and `take` says why
            return None

    def _read(self) -> Holder | None:
        try:
            return Holder(**json.loads(self._card.read_text()))
        except (OSError, ValueError, TypeError):
            return None
