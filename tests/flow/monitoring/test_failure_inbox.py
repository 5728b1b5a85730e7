"""The failure inbox: a group's whole life, its triage by a person, and the way back."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.errors import Invalid, NotFound, Refused
from ba2_trade_platform.core.failures.group_states import LIVE, GroupState
from ba2_trade_platform.core.monitoring.failure_inbox import FailureInbox, Group
from ba2_trade_platform.core.monitoring.failure_triage import Triage, TriageChange
from ba2_trade_platform.vocabulary import ErrorCode
from tests.platforms import TRADER
from tests.sql import ask, one
from tests.stepped import Desk, SteppedWorker, make_desk

SLOW_DOWN = "429: too many requests"
HOUR = 3_600
ALL = tuple(GroupState)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, slots=64)
    made.expert(max_concurrent=64, max_reruns=100)
    yield made
    made.close()


@pytest.fixture
def worker(desk: Desk) -> SteppedWorker:
    return desk.worker()


@pytest.fixture
def inbox(desk: Desk) -> FailureInbox:
    return desk.platform.monitoring.failures


@pytest.fixture
def triage(desk: Desk) -> Triage:
    return desk.platform.monitoring.triage


def fail(desk: Desk, worker: SteppedWorker, symbol: str = "AAPL", message: str = SLOW_DOWN, expert: int = 1) -> str:
    """Have a new analysis fail, and return the fingerprint of its group."""
    analysis_id = desk.submit(expert, symbol)
    worker.fail(worker.claim(analysis_id), ErrorCode.RATE_LIMIT, message)
    return str(desk.row(analysis_id).fingerprint)


def states(inbox: FailureInbox, wanted: tuple[GroupState, ...] = ALL) -> list[tuple[str, GroupState]]:
    """Return the groups of the inbox by their messages, with their states."""
    return [(group.message, group.state) for group in inbox.groups(wanted).items]


def test_a_group_lives_from_failure_to_recovery_and_back(
    desk: Desk, worker: SteppedWorker, inbox: FailureInbox
) -> None:
    fingerprint = fail(desk, worker)
    assert (inbox.group(fingerprint).state, inbox.needs_person()) == (GroupState.UNRESOLVED, 1)
    desk.analyses.rerun(1, by=TRADER)
    scheduled = inbox.group(fingerprint)
    assert (scheduled.state, scheduled.failed_now, scheduled.scheduled) == (GroupState.SCHEDULED, 0, 1)
    assert inbox.needs_person() == 0
    worker.fail(worker.claim(1), ErrorCode.RATE_LIMIT, SLOW_DOWN)
    assert inbox.group(fingerprint).state is GroupState.UNRESOLVED  # the re-run failed again: it never went away
    desk.analyses.rerun(1, by=TRADER)
    worker.succeed(worker.claim(1))
    assert inbox.group(fingerprint).state is GroupState.RECOVERED
    assert states(inbox, LIVE) == []
    fail(desk, worker, "MSFT")
    assert (inbox.group(fingerprint).state, inbox.needs_person()) == (GroupState.REGRESSED, 1)


def test_a_group_whose_analyses_wait_for_their_retries_needs_nobody(
    desk: Desk, worker: SteppedWorker, inbox: FailureInbox
) -> None:
    patient = desk.expert(alias="Patient", max_retries=1, retry_base_seconds=1)
    analysis_id = desk.submit(patient)
    worker.fail(worker.claim(analysis_id), ErrorCode.RATE_LIMIT, SLOW_DOWN)
    assert states(inbox) == [(SLOW_DOWN, GroupState.SCHEDULED)]
    desk.clock.advance(600)
    worker.fail(worker.claim(analysis_id), ErrorCode.RATE_LIMIT, SLOW_DOWN)
    assert states(inbox) == [(SLOW_DOWN, GroupState.UNRESOLVED)]
    assert inbox.groups().items[0].seen == 2


def test_what_is_resolved_leaves_the_inbox_until_it_comes_back(
    desk: Desk, worker: SteppedWorker, inbox: FailureInbox, triage: Triage
) -> None:
    fingerprint = fail(desk, worker)
    assert triage.resolve(fingerprint, by=TRADER, reason="key renewed").sentence == (
        "Resolved: it leaves the inbox until it comes back"
    )
    group = inbox.group(fingerprint)
    assert (group.state, group.marked_by, group.mark_reason, group.failed_now) == (
        GroupState.RESOLVED, "trader", "key renewed", 1,
    )  # fmt: skip
    assert (states(inbox, LIVE), inbox.needs_person()) == ([], 0)
    fail(desk, worker, "MSFT")
    assert (inbox.group(fingerprint).state, inbox.needs_person()) == (GroupState.REGRESSED, 1)
    assert inbox.group(fingerprint).regressed_at == desk.clock.now()
    triage.resolve(fingerprint, by=TRADER)
    assert inbox.group(fingerprint).state is GroupState.RESOLVED


def test_ignoring_for_a_time_ends_by_the_clock(
    desk: Desk, worker: SteppedWorker, inbox: FailureInbox, triage: Triage
) -> None:
    fingerprint = fail(desk, worker)
    assert triage.ignore(fingerprint, by=TRADER, seconds=HOUR).sentence == "Ignored for 1 h"
    fail(desk, worker, "MSFT")
    desk.clock.advance(HOUR - 1)
    group = inbox.group(fingerprint)
    assert (group.state, group.ignore_until) == (GroupState.IGNORED, desk.clock.now() + timedelta(seconds=1))
    desk.clock.advance(1)
    assert (inbox.group(fingerprint).state, inbox.needs_person()) == (GroupState.UNRESOLVED, 1)


def test_ignoring_until_n_more_ends_with_the_nth(
    desk: Desk, worker: SteppedWorker, inbox: FailureInbox, triage: Triage
) -> None:
    fingerprint = fail(desk, worker)
    assert triage.ignore(fingerprint, by=TRADER, more=2).sentence == "Ignored until 2 more"
    fail(desk, worker, "MSFT")
    assert (inbox.group(fingerprint).state, inbox.group(fingerprint).ignore_more) == (GroupState.IGNORED, 1)
    fail(desk, worker, "IBM")
    assert (inbox.group(fingerprint).state, inbox.group(fingerprint).ignore_more) == (GroupState.UNRESOLVED, None)


def test_what_is_ignored_for_ever_stays_away_until_it_is_reopened(
    desk: Desk, worker: SteppedWorker, inbox: FailureInbox, triage: Triage
) -> None:
    fingerprint = fail(desk, worker)
    assert triage.ignore(fingerprint, by=TRADER).sentence == "Ignored for ever: won't fix"
    desk.clock.advance(400 * 24 * HOUR)
    fail(desk, worker, "MSFT")
    assert states(inbox) == [(SLOW_DOWN, GroupState.WONT_FIX)]
    assert triage.reopen(fingerprint, by=TRADER).sentence == "Reopened"
    assert states(inbox) == [(SLOW_DOWN, GroupState.UNRESOLVED)]


VERBS: dict[str, Callable[[Triage, str], TriageChange]] = {
    "resolve": lambda triage, fingerprint: triage.resolve(fingerprint, by=TRADER, reason="done"),
    "ignore for a time": lambda triage, fingerprint: triage.ignore(fingerprint, by=TRADER, seconds=HOUR),
    "ignore until more": lambda triage, fingerprint: triage.ignore(fingerprint, by=TRADER, more=3),
    "ignore for ever": lambda triage, fingerprint: triage.ignore(fingerprint, by=TRADER),
    "reopen": lambda triage, fingerprint: triage.reopen(fingerprint, by=TRADER),
}


@pytest.mark.parametrize("earlier", VERBS)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_may_be_repeated_and_undone(
    desk: Desk, worker: SteppedWorker, triage: Triage, earlier: str, verb: str
) -> None:
    fingerprint = fail(desk, worker)
    row = "SELECT * FROM failure_group"
    VERBS[earlier](triage, fingerprint)
    desk.clock.advance(5)
    before = ask(desk.file, row)
    change = VERBS[verb](triage, fingerprint)
    after, noted = ask(desk.file, row), one(desk.file, "SELECT COUNT(*) FROM activity_log")
    assert VERBS[verb](triage, fingerprint).after == change.after
    assert (ask(desk.file, row), one(desk.file, "SELECT COUNT(*) FROM activity_log")) == (after, noted)
    assert triage.restore(change, by=TRADER).sentence == "Undone"
    assert ask(desk.file, row) == before
    triage.restore(change, by=TRADER)  # a second press changes nothing
    assert ask(desk.file, row) == before


def test_undo_takes_nobody_elses_word_back(desk: Desk, worker: SteppedWorker, triage: Triage) -> None:
    fingerprint = fail(desk, worker)
    change = triage.ignore(fingerprint, by=TRADER, seconds=HOUR)
    triage.resolve(fingerprint, by=TRADER)
    with pytest.raises(Refused, match="somebody marked this group since, or it came back"):
        triage.restore(change, by=TRADER)


def test_undo_is_refused_once_the_group_came_back(desk: Desk, worker: SteppedWorker, triage: Triage) -> None:
    change = triage.resolve(fail(desk, worker), by=TRADER)
    fail(desk, worker, "MSFT")
    with pytest.raises(Refused, match="or it came back"):
        triage.restore(change, by=TRADER)


@pytest.mark.parametrize(
    "wish", [{"seconds": 0}, {"seconds": 367 * 86_400}, {"seconds": float("nan")}, {"more": 0}, {"more": 10**9},
             {"seconds": 60, "more": 3}],
    ids=str,
)  # fmt: skip
def test_a_wish_to_ignore_that_makes_no_sense_is_refused(
    desk: Desk, worker: SteppedWorker, triage: Triage, wish: dict[str, float]
) -> None:
    fingerprint = fail(desk, worker)
    with pytest.raises(Invalid, match="Ignore it"):
        triage.ignore(fingerprint, by=TRADER, **wish)  # type: ignore[arg-type]  # what a client may send


@pytest.mark.parametrize("verb", VERBS)
def test_a_group_that_is_not_there_cannot_be_marked(triage: Triage, verb: str) -> None:
    with pytest.raises(NotFound, match="There is no group of failures f00"):
        VERBS[verb](triage, "f00")


def test_whoever_marks_is_named_in_the_activity_log(desk: Desk, worker: SteppedWorker, triage: Triage) -> None:
    fingerprint = fail(desk, worker)
    triage.resolve(fingerprint, by=TRADER, reason="key renewed")
    triage.reopen(fingerprint, by=TRADER, reason="not yet")
    assert ask(
        desk.file,
        "SELECT what, subject_key, before, after, reason, name FROM activity_log JOIN actor ON actor.id = actor_id "
        "WHERE subject_type = 'failure_group' ORDER BY activity_log.id",
    ) == [
        ("mark", fingerprint, "open", "resolved", "key renewed", "trader"),
        ("mark", fingerprint, "resolved", "open", "not yet", "trader"),
    ]


def test_what_came_back_is_first_then_what_fails_most_then_what_was_seen_last(
    desk: Desk, worker: SteppedWorker, inbox: FailureInbox, triage: Triage
) -> None:
    triage.resolve(fail(desk, worker, "A", "one"), by=TRADER)
    for symbol, message in (("B", "four"), ("C", "four"), ("D", "two"), ("E", "three")):
        desk.clock.advance(1)
        fail(desk, worker, symbol, message)
    fail(desk, worker, "F", "one")
    triage.ignore(fail(desk, worker, "G", "five"), by=TRADER)
    assert [message for message, _ in states(inbox)] == ["one", "four", "three", "two", "five"]


def test_pages_follow_each_other_without_gap_or_double(
    desk: Desk, worker: SteppedWorker, inbox: FailureInbox, triage: Triage
) -> None:
    for number, name in enumerate(["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay"]):
        fingerprint = fail(desk, worker, f"S{number}", f"{name} is slow")
        if number % 3 == 0:
            desk.analyses.rerun(number + 1, by=TRADER)
            worker.succeed(worker.claim(number + 1))
        elif number % 3 == 1:
            triage.resolve(fingerprint, by=TRADER)
    whole = [group.fingerprint for group in inbox.groups(ALL).items]
    walked, cursor = [], None
    while True:
        page = inbox.groups(ALL, limit=3, cursor=cursor)
        walked += [group.fingerprint for group in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert walked == whole
    assert len(set(walked)) == 10


@pytest.mark.parametrize(
    "said",
    ["x", "[]", '["a", "b", 1, "x"]', '["a", "ignored", 1e999, "2026-01-01"]', '[1, "ignored", 1, "2026-01-01"]'],
)
def test_a_broken_cursor_is_refused_with_a_sentence(inbox: FailureInbox, said: str) -> None:
    with pytest.raises(Invalid, match="cursor is broken"):
        inbox.groups(cursor=b64encode(said.encode()).decode())


def test_a_group_says_whom_it_touches_and_how_its_day_went(
    desk: Desk, worker: SteppedWorker, inbox: FailureInbox
) -> None:
    other = desk.expert(alias="Other", max_concurrent=64)
    for number in range(25):
        fail(desk, worker, f"S{number:02}")
    desk.clock.advance(2 * HOUR)
    fingerprint = fail(desk, worker, "S00", expert=other)
    group = inbox.group(fingerprint)
    assert [expert.alias for expert in group.experts] == ["Scripted", "Other"]
    assert (group.symbol_count, len(group.symbols), group.symbols[:2]) == (25, 20, ("S00", "S01"))
    assert group.hours == (*[0] * 21, 25, 0, 1)
    assert (group.seen, group.failed_now) == (26, 26)
    assert (group.last_seen - group.first_seen).total_seconds() == 2 * HOUR
    desk.clock.advance(22 * HOUR)
    assert sum(inbox.group(fingerprint).hours) == 1


def test_a_recovered_group_says_whom_it_touched_last(desk: Desk, worker: SteppedWorker, inbox: FailureInbox) -> None:
    fingerprint = fail(desk, worker)
    desk.analyses.rerun(1, by=TRADER)
    worker.succeed(worker.claim(1))
    group = inbox.group(fingerprint)
    assert (group.symbols, [expert.alias for expert in group.experts]) == (("AAPL",), ["Scripted"])


def test_its_numbers_are_those_of_the_monitor_filtered_by_it(
    desk: Desk, worker: SteppedWorker, inbox: FailureInbox
) -> None:
    fingerprint = fail(desk, worker)
    fail(desk, worker, "MSFT")
    fail(desk, worker, "IBM", "another error")
    chosen = Filter(status=("failed",), fingerprint=fingerprint)  # type: ignore[arg-type]  # as an address says it
    assert desk.platform.monitoring.jobs.count(chosen) == inbox.group(fingerprint).failed_now == 2


def test_the_day_is_summed_up_in_a_sentence(desk: Desk, worker: SteppedWorker, inbox: FailureInbox) -> None:
    patient = desk.expert(alias="Patient", max_retries=1, retry_base_seconds=1)
    today = desk.clock.now()
    for symbol in ("AAPL", "MSFT"):
        analysis_id = desk.submit(patient, symbol)
        if symbol == "MSFT":
            worker.fail(worker.claim(analysis_id), ErrorCode.RATE_LIMIT, SLOW_DOWN)
            desk.clock.advance(600)
        worker.succeed(worker.claim(analysis_id))
    assert inbox.summary(today).sentence == "Nothing needs you. 2 completed today, 1 recovered by retry."
    fail(desk, worker, "IBM")
    assert inbox.summary(today).sentence.startswith("1 group of failures needs you. 2 completed")
    fail(desk, worker, "GE", "another error")
    assert inbox.summary(today).sentence.startswith("2 groups need you.")
    assert inbox.summary(desk.clock.now() + timedelta(seconds=1)).completed_today == 0


def test_a_message_of_a_megabyte_is_shown_cut(desk: Desk, worker: SteppedWorker, inbox: FailureInbox) -> None:
    fail(desk, worker, message="<b>\x00\x1b[31m'; DROP TABLE failure_group; --" + "x" * 1_000_000)
    group: Group = inbox.groups().items[0]
    assert len(group.message) == 500
    assert "\x00" not in group.message
