"""Failure groups: attempts that fail alike are counted, by the hour too, and said to have come back when they do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ba2_trade_platform.core.failures.classification import failure
from ba2_trade_platform.core.failures.groups import Seen, note_failures
from ba2_trade_platform.vocabulary import ErrorCode
from tests.platforms import TRADER
from tests.sql import ask, change, one
from tests.stepped import Desk, make_desk

GROUP = "SELECT seen, message, provider FROM failure_group WHERE fingerprint = ?"
REGRESSED = "SELECT regressed_at IS NOT NULL FROM failure_group WHERE fingerprint = ?"
MESSAGE = "429: too many requests"
FINGERPRINT = failure(ErrorCode.RATE_LIMIT, MESSAGE).fingerprint


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    yield made
    made.close()


def seen(desk: Desk, **parts: Any) -> Seen:
    """Return a failure of just now."""
    return replace(Seen(FINGERPRINT, "RATE_LIMIT", MESSAGE, "acme", desk.clock.now()), **parts)


def note(desk: Desk, *failures: Seen) -> None:
    """Count these failures in a transaction of their own."""
    with desk.store.write() as transaction:
        note_failures(transaction.session, failures, desk.clock.now())


def regressed(desk: Desk) -> bool:
    """Tell whether the group is said to have come back."""
    return bool(one(desk.file, REGRESSED, FINGERPRINT))


def stand_failed(desk: Desk) -> int:
    """Return an analysis that stands failed with the fingerprint of the group."""
    analysis_id, worker = desk.submit(desk.expert()), desk.worker()
    worker.fail(worker.claim(analysis_id), ErrorCode.RATE_LIMIT, MESSAGE)
    return analysis_id


def test_equal_failures_of_one_tick_are_one_group_with_the_newest_message(desk: Desk) -> None:
    later = desk.clock.now() + timedelta(minutes=61)
    note(desk, seen(desk, at=later, message="429: for MSFT", provider=None), seen(desk), seen(desk))
    assert ask(desk.file, GROUP, FINGERPRINT) == [(3, "429: for MSFT", "acme")]
    assert ask(desk.file, "SELECT first_seen, last_seen FROM failure_group") == [
        ("2026-03-02 09:00:00.000000", "2026-03-02 10:01:00.000000")
    ]
    assert ask(desk.file, "SELECT hour, seen FROM failure_hour ORDER BY hour") == [
        ("2026-03-02 09:00:00.000000", 2),
        ("2026-03-02 10:00:00.000000", 1),
    ]


def test_the_next_ticks_count_on_and_keep_the_provider_where_none_is_known(desk: Desk) -> None:
    note(desk, seen(desk))
    desk.clock.advance(60)
    note(desk, seen(desk, provider=None, message="429: again"), seen(desk, fingerprint="other"))
    assert ask(desk.file, GROUP, FINGERPRINT) == [(2, "429: again", "acme")]
    assert one(desk.file, "SELECT seen FROM failure_hour WHERE fingerprint = ?", FINGERPRINT) == 2
    assert one(desk.file, "SELECT COUNT(*) FROM failure_group") == 2


def test_a_tick_without_failures_says_nothing_to_the_database(desk: Desk) -> None:
    said: list[str] = []

    def listen(connection: Any, cursor: Any, text: str, *rest: Any) -> None:
        said.append(text)

    with desk.store.write() as transaction:
        event.listen(desk.store.engine, "before_cursor_execute", listen)
        note_failures(transaction.session, [], desk.clock.now())
        event.remove(desk.store.engine, "before_cursor_execute", listen)
    assert said == []


def test_a_new_group_has_not_come_back(desk: Desk) -> None:
    note(desk, seen(desk))
    assert not regressed(desk)


def test_a_group_of_which_one_stands_failed_has_not_come_back_with_the_next(desk: Desk) -> None:
    stand_failed(desk)
    note(desk, seen(desk))
    note(desk, seen(desk))
    assert not regressed(desk)


def test_what_stands_failed_in_another_group_or_is_tried_again_there_does_not_matter(desk: Desk) -> None:
    note(desk, seen(desk))
    worker, expert = desk.worker(), desk.expert(alias="Another")
    for symbol in ("MSFT", "IBM"):
        worker.fail(worker.claim(desk.submit(expert, symbol)), ErrorCode.AUTH, "another error")
    desk.analyses.rerun(1, by=TRADER)
    note(desk, seen(desk))
    assert regressed(desk)


def test_a_rerun_that_fails_again_is_no_return_of_its_group(desk: Desk) -> None:
    analysis_id = stand_failed(desk)
    note(desk, seen(desk))
    desk.analyses.rerun(analysis_id, by=TRADER)
    note(desk, seen(desk))  # the re-run's own attempt is open until its tick closes it
    assert not regressed(desk)


def test_a_group_that_had_recovered_comes_back(desk: Desk) -> None:
    analysis_id, worker = stand_failed(desk), desk.worker()
    note(desk, seen(desk))
    desk.analyses.rerun(analysis_id, by=TRADER)
    worker.succeed(worker.claim(analysis_id))
    assert not regressed(desk)
    note(desk, seen(desk))
    assert regressed(desk)


def test_a_resolved_group_comes_back_although_others_still_stand_failed(desk: Desk) -> None:
    stand_failed(desk)
    note(desk, seen(desk))
    change(desk.file, "UPDATE failure_group SET mark = 'resolved'")
    note(desk, seen(desk))
    assert regressed(desk)


@pytest.mark.parametrize("mark", ["mark = 'wont_fix'", "mark = 'ignored'", "mark = 'ignored', ignore_seen = 5"])
def test_what_is_ignored_does_not_come_back(desk: Desk, mark: str) -> None:
    note(desk, seen(desk))
    change(desk.file, f"UPDATE failure_group SET {mark}")
    note(desk, seen(desk))
    assert not regressed(desk)


@pytest.mark.parametrize("end", ["ignore_until = '2026-03-02 08:59:59.000000'", "ignore_seen = 1"])
def test_what_is_ignored_no_longer_does(desk: Desk, end: str) -> None:
    note(desk, seen(desk))
    change(desk.file, f"UPDATE failure_group SET mark = 'ignored', {end}")
    note(desk, seen(desk))
    assert regressed(desk)


def test_hours_that_nobody_draws_any_more_are_forgotten_and_the_group_is_not(desk: Desk) -> None:
    note(desk, seen(desk))
    desk.clock.advance(47 * 3_600)
    note(desk, seen(desk))
    assert one(desk.file, "SELECT COUNT(*) FROM failure_hour") == 2
    desk.clock.advance(2 * 3_600)
    note(desk, seen(desk))
    assert one(desk.file, "SELECT COUNT(*) FROM failure_hour") == 2
    assert one(desk.file, "SELECT seen FROM failure_group") == 3
