"""Index sync: outcomes are looked for soon after the start and after changes, however many there were."""

from __future__ import annotations

import threading

from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.change_feed import ANYTHING, Change, ChangeFeed, Topic
from ba2_trade_platform.memory.index_sync import IndexSync
from tests.patience import EVENT_SECONDS


class Looks:
    """Counts looks and tells of each."""

    def __init__(self) -> None:
        self.count = 0
        self._happened = threading.Semaphore(0)

    def __call__(self) -> None:
        """Be looked."""
        self.count += 1
        self._happened.release()

    def wait(self, seconds: float = EVENT_SECONDS) -> bool:
        """Return whether another look happened within so long."""
        return self._happened.acquire(timeout=seconds)


def test_the_first_look_comes_soon_after_the_start() -> None:
    looks, feed = Looks(), ChangeFeed()
    jobs = BackgroundJobs()
    index_sync = IndexSync(looks, feed, jobs, first_seconds=0, after_changes_seconds=600)
    index_sync.start()
    jobs.start()
    assert looks.wait()
    index_sync.stop()
    jobs.stop()
    assert feed.listeners == 0


def test_many_changes_are_one_look_and_later_ones_another() -> None:
    looks, feed = Looks(), ChangeFeed()
    jobs = BackgroundJobs()
    jobs.start()
    index_sync = IndexSync(looks, feed, jobs, first_seconds=600, after_changes_seconds=0.2)
    index_sync.start()
    for number in range(50):
        feed.publish(Change(frozenset({Topic.ANALYSES}), frozenset({number})))
    assert looks.wait()
    feed.publish(ANYTHING)
    assert looks.wait()
    assert looks.count == 2
    index_sync.stop()
    feed.publish(ANYTHING)
    assert not looks.wait(0.4)
    jobs.stop()


def test_what_never_began_can_be_stopped() -> None:
    IndexSync(Looks(), ChangeFeed(), BackgroundJobs()).stop()
