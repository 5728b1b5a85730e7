"""The lifecycle: every pair of a status and an event, and the sentence of each refusal."""

from __future__ import annotations

import itertools

import pytest

from ba2_trade_platform.core.attempts.lifecycle import (
    ACTIVE,
    TERMINAL,
    TRANSITIONS,
    WHILE_RETRYING,
    WHILE_UNCLAIMED_RERUN,
    Event,
    after,
    allows,
)
from ba2_trade_platform.core.base.errors import Refused
from ba2_trade_platform.vocabulary import Status

DESIGN = """
pending | claim   | running
pending | expire  | skipped
pending | refuse  | failed
pending | run now | pending
pending | stop retrying | failed
pending | cancel  | cancelled
pending | withdraw | failed
running | succeed | completed
running | fail    | failed
running | skip    | skipped
running | retry   | pending
running | release | pending
running | rescue  | pending
running | give up | failed
running | cancel  | cancelled
failed  | re-run  | pending
"""
WITHOUT_CHANGE = {
    *((status, "delete") for status in ("pending", "running", "completed", "failed", "skipped", "cancelled")),
    *((status, "run again") for status in ("completed", "failed", "skipped", "cancelled")),
}
ALLOWED = {
    (status, event): result
    for status, event, result in ([part.strip() for part in line.split("|")] for line in DESIGN.strip().splitlines())
}
PAIRS = list(itertools.product(Status, Event))


def test_the_table_is_the_one_of_the_design() -> None:
    assert {(status.value, event.value): result.value for (status, event), result in TRANSITIONS.items()} == ALLOWED


@pytest.mark.parametrize(("status", "event"), PAIRS)
def test_every_pair_either_has_its_next_status_or_is_refused_with_a_sentence(status: Status, event: Event) -> None:
    pair = (status.value, event.value)
    if event in WHILE_RETRYING | WHILE_UNCLAIMED_RERUN:
        assert not allows(status, event)
    assert allows(status, event, retrying=True, unclaimed_rerun=True) is (pair in ALLOWED or pair in WITHOUT_CHANGE)
    if pair in ALLOWED:
        assert after(status, event, retrying=True, unclaimed_rerun=True).value == ALLOWED[pair]
    elif pair in WITHOUT_CHANGE:
        assert after(status, event) is status
    else:
        with pytest.raises(Refused, match=f"analysis 7 is {status.value}"):
            after(status, event, "analysis 7", retrying=True)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (Event.RERUN, "Can only re-run failed analyses: analysis 7 is completed"),
        (Event.CANCEL, "Can only cancel pending or running analyses: analysis 7 is completed"),
        (Event.CLAIM, "Cannot claim now: analysis 7 is completed"),
    ],
)
def test_a_refusal_says_what_was_asked_and_where_the_analysis_stands(event: Event, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        after(Status.COMPLETED, event, "analysis 7")
    assert str(refused.value) == sentence


def test_only_what_waits_for_its_retry_can_be_run_now() -> None:
    with pytest.raises(Refused) as refused:
        after(Status.PENDING, Event.RUN_NOW, "analysis 7")
    assert str(refused.value) == "Only what waits for its retry can be run now: analysis 7 is pending"


def test_run_again_is_refused_while_the_analysis_is_still_under_way() -> None:
    with pytest.raises(Refused) as refused:
        after(Status.RUNNING, Event.RUN_AGAIN, "analysis 7")
    assert str(refused.value) == "Can only run finished analyses again: analysis 7 is running"


def test_what_is_not_active_is_terminal_and_only_failed_leads_back() -> None:
    assert frozenset({Status.PENDING, Status.RUNNING}) == ACTIVE
    assert {status for status, _ in TRANSITIONS if status in TERMINAL} == {Status.FAILED}


def test_only_an_unclaimed_rerun_can_be_withdrawn() -> None:
    with pytest.raises(Refused) as refused:
        after(Status.PENDING, Event.WITHDRAW, "analysis 7")
    assert str(refused.value) == ("Only a re-run that no worker has claimed can be withdrawn: analysis 7 is pending")
    assert after(Status.PENDING, Event.WITHDRAW, unclaimed_rerun=True) is Status.FAILED
