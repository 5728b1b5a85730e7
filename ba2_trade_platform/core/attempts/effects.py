"""Effects: the table of columns and outcomes that each event sets, so that every end clears the same; no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ba2_trade_platform.core.attempts.lifecycle import Event
from ba2_trade_platform.vocabulary import Outcome

_ENDS = {"current_step": None, "lease_token": None, "lease_until": None, "retry_provider": None}
_WAITS_AGAIN = {
    "started_at": None, "current_step": None, "lease_token": None, "lease_until": None, "worker_id": None,
}  # fmt: skip
_BEGINS_ANEW = {
    "retries_used": 0, "rescues_used": 0, "progress": 0, "current_step": None, "started_at": None,
    "finished_at": None, "duration_ms": None, "error_code": None, "error_message": None, "failure_kind": None,
    "fingerprint": None, "retry_provider": None, "result_action": None, "result_confidence": None,
    "result_expected_profit": None, "worker_id": None, "held": False,
}  # fmt: skip


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
