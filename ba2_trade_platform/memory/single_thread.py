"""Single thread: a daemon executor that runs work in order, so that a hung library blocks no exit."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from ba2_trade_platform.core.base.errors import Unavailable

T = TypeVar("T")
_Work = tuple[Callable[[], Any], "Future[Any]"]


class SingleThread:
    """Runs one piece of work at a time; begins with the first one."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Have `work` done and return its future, which raises Unavailable once this is stopped."""
        future: Future[T] = Future()
        with self._lock:
            if self._stopped:
                future.set_exception(Unavailable("the console is stopping"))
                return future
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._work.put((work, future))
        return future

    def stop(self, seconds: float, last: Callable[[], object] = lambda: None) -> bool:
        """Accept nothing more but `last`, and wait so long for it at most; tell whether all of it ended."""
        with self._lock:
            if not self._stopped:
                self._stopped = True
                self._work.put((last, Future()))
                self._work.put(None)
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            work, future = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - carried over to whoever waits for the future
                future.set_exception(error)
            else:
                future.set_result(result)
