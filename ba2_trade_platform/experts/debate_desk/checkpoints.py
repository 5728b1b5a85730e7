"""Checkpoints: LangGraph's state between attempts in one file, so that a step resumes; never fatal.

The recorded steps say what is kept (docs/decisions/0011); a thread here only lets a step that failed go on at the call
that failed. The first analysis opens the file and the last one closes it: one connection for a loop.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from ba2_trade_platform.vocabulary import Mode

FILE = "checkpoints.sqlite"
BROKEN = "checkpoints.sqlite.broken"
LOCK_SECONDS = 5.0
KEPT_DAYS = 30
EPOCH_OF_UUIDS = 0x01B21DD213814000  # from 1582-10-15 to 1970-01-01 in 100 ns


@dataclass
class _Shared:
    """One loop's open file with the number of analyses that use it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    saver: AsyncSqliteSaver | None = None


class CheckpointFile:
    """The file of one folder, shared by the analyses of a loop."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, Path], _Shared] = {}

    @asynccontextmanager
    async def opened(self, folder: Path, warn: Callable[[str], None]) -> AsyncIterator[AsyncSqliteSaver | None]:
        """Give the open file, or None after a warning when it is locked or cannot be used."""
        key = (id(asyncio.get_running_loop()), folder)
        shared = self._open.setdefault(key, _Shared())
        shared.users += 1
        try:
            async with shared.lock:
                if shared.saver is None:
                    shared.saver = await _open(folder / FILE, warn)
            yield shared.saver
        finally:
            shared.users -= 1
            if not shared.users:
                self._open.pop(key, None)
                if shared.saver is not None:
                    await shared.saver.conn.close()


async def _open(path: Path, warn: Callable[[str], None]) -> AsyncSqliteSaver | None:
    try:
        return await _connect(path)
    except sqlite3.OperationalError as error:
        warn(f"The checkpoints cannot be opened ({error}): if this attempt fails, its unfinished steps start over")
    except sqlite3.DatabaseError as error:
        set_aside(path)
        warn(f"The checkpoints could not be read ({error}); the file was moved aside as {BROKEN}")
        with suppress(sqlite3.Error):
            return await _connect(path)
    return None


async def _connect(path: Path) -> AsyncSqliteSaver:
    connection = await aiosqlite.connect(path, timeout=LOCK_SECONDS)
    try:
        # A file is no code: of what stands in it only the types that the library knows are made.
        saver = AsyncSqliteSaver(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        await saver.setup()
        await _forget_old(connection)
    except BaseException:
        await connection.close()
        raise
    return saver


async def _forget_old(connection: aiosqlite.Connection) -> None:
    """Delete the threads nobody came back to: an analysis that failed for good, or was deleted, leaves them behind."""
    # The ids of checkpoints are version 6 UUIDs: they begin with the time, in steps of 100 ns since 1582.
    since_1582 = (time.time_ns() - KEPT_DAYS * 86_400 * 10**9) // 100 + EPOCH_OF_UUIDS
    oldest = {"oldest": f"{since_1582 >> 28:08x}"}
    await connection.execute(
        "DELETE FROM checkpoints WHERE thread_id IN"
        " (SELECT thread_id FROM checkpoints GROUP BY thread_id HAVING max(checkpoint_id) < :oldest)",
        oldest,
    )
    await connection.execute(
        "DELETE FROM writes WHERE checkpoint_id < :oldest AND thread_id NOT IN (SELECT thread_id FROM checkpoints)",
        oldest,
    )
    await connection.commit()


def set_aside(path: Path) -> None:
    """Move a file that cannot be read out of the way, in place of the one that was moved before it."""
    with suppress(OSError):
        path.replace(path.with_name(BROKEN))
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)


class Threads:
    """The threads of one attempt. Trouble with the file is warned of once; then its steps work without checkpoints."""

    def __init__(self, saver: AsyncSqliteSaver | None, analysis_id: int, run: str, warn: Callable[[str], None]) -> None:
        self._analysis = f"{analysis_id}-"
        self._run = f"{analysis_id}-{run}:"
        self._warn = warn
        self.saver = saver

    async def begin(self, mode: Mode, kept: frozenset[str]) -> None:
        """Delete what this attempt may not go on with: other runs, and in a partial re-run the steps it does again."""

        def goes_on(thread: str) -> bool:
            step = thread.removeprefix(self._run).rpartition(":")[0]
            ours = thread.startswith(self._run) and mode is not Mode.FRESH
            return ours and (mode is Mode.RESUME or step in kept)

        await self._delete(lambda thread: not goes_on(thread))

    async def forget(self, config: RunnableConfig) -> None:
        """Delete one thread that cannot come to a good end."""
        await self._delete(lambda thread: thread == config["configurable"]["thread_id"])

    async def finish(self) -> None:
        """Delete all threads of the analysis: it has completed."""
        await self._delete(lambda _: True)

    def config(self, step: str, inputs_hash: str) -> RunnableConfig:
        """Return the configuration that names a step's thread."""
        return {"configurable": {"thread_id": f"{self._run}{step}:{inputs_hash}"}}

    def lose(self, error: sqlite3.Error) -> None:
        """Go on without the file, and say so once."""
        if self.saver is not None:
            self.saver = None
            self._warn(f"The checkpoints failed ({error}): if this attempt fails, its unfinished steps start over")

    async def _delete(self, chosen: Callable[[str], bool]) -> None:
        saver = self.saver
        if saver is None:
            return
        try:
            for thread in await _names(saver, self._analysis):
                if chosen(thread):
                    await saver.adelete_thread(thread)
        except sqlite3.Error as error:
            self.lose(error)


async def _names(saver: AsyncSqliteSaver, prefix: str) -> list[str]:
    beyond = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    async with (
        saver.lock,
        saver.conn.execute(
            "SELECT thread_id FROM checkpoints WHERE thread_id >= :first AND thread_id < :beyond"
            " UNION SELECT thread_id FROM writes WHERE thread_id >= :first AND thread_id < :beyond",
            {"first": prefix, "beyond": beyond},
        ) as found,
    ):
        return [str(row[0]) for row in await found.fetchall()]
