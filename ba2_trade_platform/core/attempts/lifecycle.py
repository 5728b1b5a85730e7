"""Lifecycle: the one table of allowed transitions and of all that each sets; read by service, API and buttons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ba2_trade_platform.core.base.errors import Refused
from ba2_trade_platform.vocabulary import Outcome, Status


class Event(StrEnum):
    """What can happen to an analysis."""

    CLAIM = "claim"
    EXPIRE = "expire"
    REFUSE = "refuse"
    SUCCEED = "succeed"
    FAIL = "fail"
    SKIP = "skip"
    RETRY = "retry"
    RUN_NOW = "run now"
    STOP_RETRYING = "stop retrying"
    RELEASE = "release"
    RESCUE = "rescue"
    GIVE_UP = "give up"
    CANCEL = "cancel"
    RERUN = "re-run"
    WITHDRAW = "withdraw"
    RUN_AGAIN = "run again"
    DELETE = "delete"


TRANSITIONS: dict[tuple[Status, Event], Status] = {
    (Status.PENDING, Event.CLAIM): Status.RUNNING,
    (Status.PENDING, Event.EXPIRE): Status.SKIPPED,
    (Status.PENDING, Event.REFUSE): Status.FAILED,
    (Status.RUNNING, Event.SUCCEED): Status.COMPLETED,
    (Status.RUNNING, Event.FAIL): Status.FAILED,
    (Status.RUNNING, Event.SKIP): Status.SKIPPED,
    (Status.RUNNING, Event.RETRY): Status.PENDING,
    (Status.RUNNING, Event.RELEASE): Status.PENDING,
    (Status.RUNNING, Event.RESCUE): Status.PENDING,
    (Status.RUNNING, Event.GIVE_UP): Status.FAILED,
    (Status.PENDING, Event.RUN_NOW): Status.PENDING,
    (Status.PENDING, Event.STOP_RETRYING): Status.FAILED,
    (Status.PENDING, Event.CANCEL): Status.CANCELLED,
    (Status.RUNNING, Event.CANCEL): Status.CANCELLED,
    (Status.FAILED, Event.RERUN): Status.PENDING,
    (Status.PENDING, Event.WITHDRAW): Status.FAILED,
}
ACTIVE = frozenset({Status.PENDING, Status.RUNNING})
TERMINAL = frozenset(Status) - ACTIVE
# These make or remove a row instead of changing its status, so they stand beside the table.
_WITHOUT_CHANGE: dict[Event, frozenset[Status]] = {
    Event.RUN_AGAIN: TERMINAL,
    Event.DELETE: frozenset(Status),
}
# Only while it waits for its automatic retry, with the failure that it is to be retried for still on its row.
WHILE_RETRYING = frozenset({Event.RUN_NOW, Event.STOP_RETRYING})
# Only while it waits as a re-run that no worker has claimed yet, so that nothing was done or paid for it.
WHILE_UNCLAIMED_RERUN = frozenset({Event.WITHDRAW})
_REFUSALS: dict[Event, str] = {
    Event.RERUN: "Can only re-run failed analyses: {subject} is {status}",
    Event.RUN_NOW: "Only what waits for its retry can be run now: {subject} is {status}",
    Event.STOP_RETRYING: "Only what waits for its retry can stop retrying: {subject} is {status}",
    Event.WITHDRAW: "Only a re-run that no worker has claimed can be withdrawn: {subject} is {status}",
    Event.CANCEL: "Can only cancel pending or running analyses: {subject} is {status}",
    Event.RUN_AGAIN: "Can only run finished analyses again: {subject} is {status}",
}


def allows(status: Status, event: Event, *, retrying: bool = False, unclaimed_rerun: bool = False) -> bool:
    """Tell whether `event` may happen at `status`.

    `retrying`: the analysis waits for its automatic retry. `unclaimed_rerun`: it waits as a re-run that no worker has
    claimed.
    """
    if (event in WHILE_RETRYING and not retrying) or (event in WHILE_UNCLAIMED_RERUN and not unclaimed_rerun):
        return False
    return (status, event) in TRANSITIONS or status in _WITHOUT_CHANGE.get(event, ())


def target(status: Status, event: Event) -> Status:
    """Return the status that the table has for `event` at `status`; raises KeyError where it has no such row."""
    return TRANSITIONS[status, event]


def after(
    status: Status,
    event: Event,
    subject: str = "the analysis",
    *,
    retrying: bool = False,
    unclaimed_rerun: bool = False,
    code: str | None = None,
    **details: Any,
) -> Status:
    """Return the status that follows `event`, or raise Refused with a sentence about `subject`."""
    if allows(status, event, retrying=retrying, unclaimed_rerun=unclaimed_rerun):
        return TRANSITIONS.get((status, event), status)
    refusal = _REFUSALS.get(event, "Cannot {event} now: {subject} is {status}")
    sentence = refusal.format(subject=subject, status=status.value, event=event.value)
    raise Refused(sentence, code=code, status=status.value, **details)


_ENDS = dict.fromkeys(("current_step", "lease_token", "lease_until", "retry_provider"))
_WAITS_AGAIN = dict.fromkeys(("started_at", "current_step", "lease_token", "lease_until", "worker_id"))
_BEGINS_ANEW = {"retries_used": 0, "rescues_used": 0, "progress": 0, "held": False} | dict.fromkeys((
    "current_step", "started_at", "finished_at", "duration_ms", "error_code", "error_message", "failure_kind",
    "fingerprint", "retry_provider", "result_action", "result_confidence", "result_expected_profit", "worker_id",
))  # fmt: skip


@dataclass(frozen=True)
class Effect:
    """What an event does: how it closes the open attempt (None: it stays open), and what it sets on the analysis.

    `shows_failure`: the attempt's failure stands on the analysis too. `counts`: it is a new failure for the group of
    its like, and not one that was counted when its own attempt failed.
    """

    outcome: Outcome | None
    columns: Mapping[str, Any]
    finishes: bool = True
    timed: bool = False
    shows_failure: bool = False
    counts: bool = False


EFFECTS: Mapping[Event, Effect] = {
    Event.SUCCEED: Effect(Outcome.COMPLETED, _ENDS, timed=True, shows_failure=True),
    Event.FAIL: Effect(Outcome.FAILED, _ENDS, timed=True, shows_failure=True, counts=True),
    Event.SKIP: Effect(Outcome.SKIPPED, _ENDS, timed=True, shows_failure=True),
    Event.EXPIRE: Effect(Outcome.SKIPPED, _ENDS, shows_failure=True),
    Event.REFUSE: Effect(Outcome.FAILED, _ENDS, shows_failure=True, counts=True),
    Event.GIVE_UP: Effect(Outcome.FAILED, _ENDS, shows_failure=True, counts=True),
    Event.STOP_RETRYING: Effect(Outcome.FAILED, _ENDS, shows_failure=True),
    Event.CANCEL: Effect(Outcome.CANCELLED, _ENDS, timed=True),
    Event.WITHDRAW: Effect(Outcome.WITHDRAWN, _ENDS),
    Event.RETRY: Effect(Outcome.FAILED, _WAITS_AGAIN, finishes=False, shows_failure=True, counts=True),
    Event.RELEASE: Effect(Outcome.RELEASED, _WAITS_AGAIN, finishes=False),
    Event.RESCUE: Effect(Outcome.INTERRUPTED, _WAITS_AGAIN, finishes=False),
    Event.RUN_NOW: Effect(None, {"retry_provider": None, "held": False}, finishes=False),
    Event.RERUN: Effect(None, _BEGINS_ANEW, finishes=False),
}
# What ends without anybody's word: the activity log says with which code.
BY_ITSELF = frozenset({Event.FAIL, Event.SKIP, Event.EXPIRE, Event.REFUSE, Event.GIVE_UP})
