"""The change feed: a listener hears of every commit, after it, and only of commits."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from ba2_trade_platform.core.base.change_feed import ANYTHING, Change, ChangeFeed, Topic
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER
from tests.sql import change
from tests.stepped import make_desk


def test_a_listener_hears_what_was_added_and_changed_once_it_is_committed(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    expert, heard = desk.expert(), list[tuple[Change, int]]()
    jobs, others = desk.platform.monitoring.jobs, desk.platform.store.feed.listeners
    subscription = desk.platform.store.feed.subscribe(lambda change: heard.append((change, jobs.count())))
    first = desk.submit(expert)
    desk.analyses.cancel(first, by=TRADER)
    desk.queue.pause(by=TRADER)
    assert heard == [
        (Change(frozenset({Topic.ANALYSES}), frozenset({first}), frozenset({first})), 1),
        (Change(frozenset({Topic.ANALYSES}), frozenset({first})), 1),
        (Change(frozenset({Topic.QUEUE})), 1),
    ]  # fmt: skip
    subscription.close()
    subscription.close()
    assert desk.platform.store.feed.listeners == others
    desk.submit(expert, "MSFT")
    assert len(heard) == 3
    desk.close()


def test_what_is_rolled_back_is_told_to_nobody(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, Catalog(Scripted()))
    heard: list[Change] = []
    desk.platform.store.feed.subscribe(heard.append)
    expert = desk.expert()
    heard.clear()
    change(desk.file, "CREATE TRIGGER no BEFORE INSERT ON activity_log BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(IntegrityError):
        desk.queue.submit_batch([expert], ["AAPL", "MSFT"], by=TRADER)
    assert heard == []
    assert desk.platform.monitoring.jobs.count() == 0
    desk.close()


def test_who_names_topics_hears_of_these_only() -> None:
    feed, heard = ChangeFeed(), list[Change]()
    feed.subscribe(heard.append, Topic.MODELS, Topic.LESSONS)
    feed.publish(Change(frozenset({Topic.ANALYSES}), None))
    models = Change(frozenset({Topic.MODELS, Topic.ALERTS}))
    feed.publish(models)
    feed.publish(ANYTHING)
    assert heard == [models, ANYTHING]


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        (Change(frozenset({Topic.ANALYSES}), frozenset({2, 9})), [2]),
        (Change(frozenset({Topic.ANALYSES}), None), [1, 2, 3]),
        (Change(frozenset({Topic.QUEUE})), []),
        # An expert's new name, another word on a failure, a provider held back: they are shown with any analysis.
        (Change(frozenset({Topic.EXPERTS})), [1, 2, 3]),
        (Change(frozenset({Topic.FAILURES, Topic.ANALYSES}), frozenset({2})), [1, 2, 3]),
        (Change(frozenset({Topic.BREAKERS})), [1, 2, 3]),
    ],
)
def test_a_change_tells_which_of_the_shown_analyses_may_look_different(change: Change, touched: list[int]) -> None:
    assert change.touched([1, 2, 3]) == touched
