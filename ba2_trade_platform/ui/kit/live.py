"""Live updates: carry the change feed to pages, coalesced, and end with the page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from nicegui import Client, background_tasks, ui

from ba2_trade_platform.core.base.change_feed import ANYTHING, Change, ChangeFeed, Subscription, Topic
from ba2_trade_platform.ui.kit.feedback import off_loop, reporting

FLUSH_SECONDS = 0.25
AT_ONCE = 8  # pages that are refreshed: a crowd of them leaves turns of the loop to whoever asks something
Refresh = Callable[[Change], Awaitable[None]]
T = TypeVar("T")


class Live:
    """Hands changes, from whatever thread commits, to the pages on the event loop."""

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: dict[int, PageListener] = {}
        self._subscription: Subscription | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return len({listener.client.id for listener in list(self._listeners.values())})

    @property
    def listeners(self) -> int:
        """How many pages listen."""
        return len(self._listeners)

    def watch(self, refresh: Refresh, *topics: Topic) -> PageListener:
        """Call `refresh` when one of these topics changed, at most every 250 ms, for as long as this page lives."""
        self._loop = asyncio.get_running_loop()
        if self._subscription is None:
            self._subscription = self._feed.subscribe(self._publish)
        listener = PageListener(refresh, frozenset(topics), ui.context.client, self._turns, self._forget)
        self._listeners[id(listener)] = listener
        ui.context.client.on_delete(listener.close)
        # Whatever happened between the page's first read and its socket, or while that was lost, is caught up with.
        ui.context.client.on_connect(lambda: listener.add(ANYTHING))
        return listener

    async def follow(
        self, read: Callable[[], T], show: Callable[[T], None], *topics: Topic
    ) -> Callable[[], Awaitable[None]]:
        """Show what `read` finds, now and whenever one of these topics changed; returns what looks once more.

        It reads off the loop, once at a time, for as long as the element in which it is called is there.
        """
        place, lock = ui.context.slot.parent, asyncio.Lock()

        async def look(_: Change = ANYTHING) -> None:
            with reporting():
                async with lock:
                    found = await off_loop(read)
                    if not place.is_deleted:
                        show(found)

        # Before the first look, so that no change falls between the two.
        self.watch(look, *topics)
        await look()
        return look

    def _forget(self, listener: PageListener) -> None:
        self._listeners.pop(id(listener), None)
        if not self._listeners and self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _publish(self, change: Change) -> None:
        if self._loop is not None and not self._loop.is_closed() and self._listeners:
            self._loop.call_soon_threadsafe(self._tell, change)

    def _tell(self, change: Change) -> None:
        for listener in list(self._listeners.values()):
            listener.add(change)


class PageListener:
    """Collects changes for one page and refreshes it, one refresh at a time."""

    def __init__(
        self,
        refresh: Refresh,
        topics: frozenset[Topic],
        client: Client,
        turns: asyncio.Semaphore,
        forget: Callable[[PageListener], None],
    ) -> None:
        self.client = client
        self._turns = turns
        self._refresh, self._topics, self._forget = refresh, topics, forget
        self._waiting: Change | None = None
        self._busy = self._closed = False

    def add(self, change: Change) -> None:
        """Note a change; when the page is about it, it is refreshed soon."""
        if not change.of(self._topics):
            return
        self._waiting = change if self._waiting is None else self._waiting | change
        if not self._busy and not self._closed:
            self._busy = True
            background_tasks.create(self._flush(), name="refresh page")

    def close(self) -> None:
        """Stop listening; closing twice is allowed."""
        self._closed = True
        self._forget(self)

    async def _flush(self) -> None:
        try:
            while self._waiting is not None and not self._closed:
                # All pages at the same instants, so that what they have in common is read once for all.
                await asyncio.sleep(FLUSH_SECONDS - asyncio.get_running_loop().time() % FLUSH_SECONDS)
                change, self._waiting = self._waiting, None
                async with self._turns:
                    if not self._closed and self.client.has_socket_connection:
                        with self.client:
                            await self._refresh(change)
        finally:
            self._busy = False
