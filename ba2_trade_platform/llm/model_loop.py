"""Model event loop: one thread for all model calls, so that clients and limits are shared.

Neither the page's loop nor the worker's ever waits for the import of a client library or the parsing of a stream.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
BOOKKEEPERS = 4
STOP_SECONDS = 2.0


class ModelLoop:
    """Begins with the first call. Thread-safe; `submit` and `call` are for other threads than its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopped = asyncio.Event()
        self._pool: ThreadPoolExecutor | None = None

    @property
    def pool(self) -> ThreadPoolExecutor:
        """Threads for what blocks beside the calls: imports and the call log."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(BOOKKEEPERS, thread_name_prefix="models")
            return self._pool

    async def aside(self, work: Callable[..., T], *args: object) -> T:
        """Do on such a thread what blocks, and wait for it on the caller's loop."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, *args)

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin `work` on the loop; cancelling the future cancels it there."""
        # In an empty context: the callbacks of an agent that waits on another loop must not be called on this one.
        return contextvars.Context().run(asyncio.run_coroutine_threadsafe, work, self._running())

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` on the loop and wait for it on the caller's; cancelling the caller cancels it."""
        return await asyncio.wrap_future(self.submit(work))

    def close(self) -> None:
        """Cancel what is under way, for a moment wait for its last words, and leave."""
        with self._lock:
            loop, thread, pool = self._loop, self._thread, self._pool
            self._loop = self._thread = self._pool = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(self._stopped.set)
            thread.join(STOP_SECONDS)
        if pool is not None:
            pool.shutdown(wait=True)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop, self._stopped = asyncio.new_event_loop(), asyncio.Event()
                self._thread = threading.Thread(
                    target=_live, args=(self._loop, self._stopped), name="models", daemon=True
                )
                self._thread.start()
            return self._loop


def _live(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:  # which cancels what is left
        runner.run(stopped.wait())
