"""Price checks: checks the folder of price files on request, off every page's loop, one check at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ba2_trade_platform.core.base.access import needs
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.change_feed import Change, Topic
from ba2_trade_platform.core.base.errors import Refused
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.contracts.price_files import CheckedFolder, FolderCheck

log = logging.getLogger(__name__)
Check = Callable[[Callable[[], bool], Callable[[FolderCheck], None]], FolderCheck]


class PriceChecks:
    """The newest check of this life; what it found of each file is kept by the folder itself."""

    def __init__(self, store: Store, prices: Prices) -> None:
        self._store = store
        self.check_permission = store.check_permission
        self._check: Check | None = prices.check if isinstance(prices, CheckedFolder) else None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._newest: FolderCheck | None = None

    @property
    def possible(self) -> bool:
        """Whether prices come from a folder of files."""
        return self._check is not None

    @property
    def newest(self) -> FolderCheck | None:
        """The check that is under way, or the last one; None when none was begun yet."""
        return self._newest

    @needs(Action.START, Subject.PRICE_FILES)
    def start(self, *, by: Actor) -> FolderCheck:
        """Begin a check and return at once. Raises Refused without a folder, and while one is under way."""
        with self._lock:
            if self._check is None:
                raise Refused("There are no price files: BA2_PRICES is not folder", code="NO_PRICE_FILES")
            if self._thread is not None and self._thread.is_alive():
                raise Refused("The price files are being checked already", code="CHECK_UNDER_WAY")
            log.info("%s checks the price files", by)
            self._stopping.clear()
            self._newest = FolderCheck("", under_way=True)
            self._thread = threading.Thread(target=self._run, args=(self._check,), name="price files", daemon=True)
            self._thread.start()
            return self._newest

    @needs(Action.CANCEL, Subject.PRICE_FILES)
    def cancel(self, *, by: Actor) -> FolderCheck:
        """Give the check up; what is read already is kept. Raises Refused when none is under way."""
        with self._lock:
            if self._newest is None or not self._newest.under_way:
                raise Refused("No check of price files is under way", code="NO_CHECK")
            log.info("%s gives up the check of the price files", by)
            self._stopping.set()
            return self._newest

    def stop(self) -> None:
        """Give up what is under way, and wait for it."""
        self._stopping.set()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self, check: Check) -> None:
        done = FolderCheck("", problems=("The check ended by an error of the console; its log has more",))
        try:
            done = check(lambda: not self._stopping.is_set(), self._show)
        finally:
            self._show(done)

    def _show(self, check: FolderCheck) -> None:
        self._newest = check
        self._store.feed.publish(Change(frozenset({Topic.OPERATIONS})))
