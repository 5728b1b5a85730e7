"""Misfire policy: decides which passed times run, catch up or count as missed; pure, hence tested alone.

Decision record: docs/decisions/0017.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from ba2_trade_platform.vocabulary import Misfire, RunTrigger

# After months of absence a schedule keeps rows for its newest planned times only; the oldest says how many it lacks.
MOST_ROWS = 1_000


@dataclass(frozen=True)
class Policy:
    """What a schedule says of lateness; `replay` True: nothing is ever late or missed."""

    misfire: Misfire
    grace: timedelta
    deadline: timedelta | None
    replay: bool = False


@dataclass(frozen=True)
class Decision:
    """What one transaction does: times that are missed, the time that runs, and the time that comes next.

    `made_up_by` is the run that stands for the missed ones. `unkept` is how many older times get no row.
    """

    missed: tuple[datetime, ...] = ()
    run: datetime | None = None
    trigger: RunTrigger = RunTrigger.PLANNED
    next_at: datetime | None = None
    made_up_by: datetime | None = None
    unkept: int = 0


@dataclass(frozen=True)
class Due:
    """The planned times that have come, oldest first, and the first that has not."""

    times: tuple[datetime, ...]
    following: datetime | None
    unkept: int = 0


def divide(times: Iterable[datetime], wake: Callable[[datetime], datetime], now: datetime) -> Due:
    """Split planned times into those whose hour has come and the first whose has not; keep the newest 1,000."""
    kept: deque[datetime] = deque(maxlen=MOST_ROWS)
    count = 0
    for planned in times:
        if wake(planned) > now:
            return Due(tuple(kept), planned, count - len(kept))
        kept.append(planned)
        count += 1
    return Due(tuple(kept), None, count - len(kept))


def decide(due: Due, policy: Policy, wake: Callable[[datetime], datetime], now: datetime) -> Decision:
    """Return what to do first with what is due; ask again until nothing is."""

    def too_late(planned: datetime) -> bool:
        return policy.deadline is not None and planned + policy.deadline <= now

    def is_late(planned: datetime) -> bool:
        return wake(planned) + policy.grace < now or too_late(planned)

    late = [] if policy.replay else list(takewhile(is_late, due.times))
    if not late:
        return _run_first(due, RunTrigger.PLANNED)
    if policy.misfire is Misfire.RUN_EACH:
        late = list(takewhile(too_late, due.times))  # the others are caught up with, one after the other
        if not late:
            return _run_first(due, RunTrigger.CATCH_UP)
    on_time = due.times[len(late) :]
    if policy.misfire is Misfire.RUN_ONCE and not on_time and not too_late(late[-1]):
        return Decision(
            tuple(late[:-1]), late[-1], RunTrigger.CATCH_UP, due.following, made_up_by=late[-1], unkept=due.unkept
        )
    following = on_time[0] if on_time else due.following
    made_up_by = on_time[0] if on_time and policy.misfire is Misfire.RUN_ONCE else None
    return Decision(tuple(late), next_at=following, made_up_by=made_up_by, unkept=due.unkept)


def _run_first(due: Due, trigger: RunTrigger) -> Decision:
    if not due.times:
        return Decision(next_at=due.following)
    following = due.times[1] if len(due.times) > 1 else due.following
    return Decision(run=due.times[0], trigger=trigger, next_at=following, unkept=due.unkept)
