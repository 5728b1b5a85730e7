"""Schedule draft: validates a schedule before it is saved, and names every fault in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.queue_service import MAX_PRIORITY
from ba2_trade_platform.core.base.errors import Impossible, Invalid, PlatformError
from ba2_trade_platform.core.base.sanitizing import clean_name
from ba2_trade_platform.core.base.symbols import symbol_of
from ba2_trade_platform.core.contracts.exchanges import Calendars
from ba2_trade_platform.core.recurrence.timings import Plan, plan_problems, read_timing
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import Misfire, ScheduleClock, Subtype

LONGEST_NAME = 80
MOST_SYMBOLS = 5_000
LONGEST_SECONDS = 86_400
LONGEST_JITTER = 3_600
LONGEST_DEADLINE = 10_080


@dataclass(frozen=True)
class Draft:
    """A schedule as it is wanted. `timing` is JSON: {"kind": "times", "days": [0, 1], "times": ["09:30"]} and so on."""

    name: str
    expert_instance_id: int
    timing: Mapping[str, Any]
    zone: str
    subtype: Subtype = Subtype.ENTER_MARKET
    symbols: tuple[str, ...] = ()
    watchlist_ids: tuple[int, ...] = ()
    calendar: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    jitter_seconds: int = 0
    deadline_minutes: int | None = None
    misfire: Misfire = Misfire.RUN_ONCE
    grace_seconds: int = 300
    priority: int = 50
    clock: ScheduleClock = ScheduleClock.REAL
    enabled: bool = True
    is_demo: bool = False


@dataclass
class Checked:
    """A draft that was read: its plan where there is one, its symbols as they are stored, and what is wrong."""

    plan: Plan | None = None
    symbols: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)


def check(session: Session, draft: Draft, calendars: Calendars, own_id: int | None = None) -> Checked:
    """Read a draft; `own_id` is the schedule that it changes, whose name it may keep."""
    checked = Checked()
    try:
        plan = Plan(read_timing(draft.timing), draft.zone, draft.calendar or None, draft.starts_on, draft.ends_on)
        checked.problems += plan_problems(plan)
        if plan.calendar is not None:
            calendars.sessions(plan.calendar, date(2024, 1, 1), date(2024, 1, 2))
        checked.plan = None if checked.problems else plan
    except PlatformError as error:
        checked.problems.append(str(error))
    checked.problems += [*_name(session, draft, own_id), *_numbers(draft), *_targets(session, draft, checked)]
    return checked


def values(draft: Draft, checked: Checked) -> dict[str, Any]:
    """Return the columns of a draft; raises Invalid with everything that is wrong."""
    if checked.problems or checked.plan is None:
        raise Impossible(". ".join(checked.problems), code="SCHEDULE_INVALID", problems=list(checked.problems))
    own = {name: value for name, value in vars(draft).items() if name != "watchlist_ids"}
    return own | {
        "name": clean_name(draft.name),
        "symbols": list(checked.symbols),
        "timing": checked.plan.timing.model_dump(mode="json"),
        "calendar": checked.plan.calendar,
    }


def _name(session: Session, draft: Draft, own_id: int | None) -> list[str]:
    name = clean_name(draft.name)  # as it is stored, or two could be stored alike
    if not name:
        return ["Give it a name"]
    if len(name) > LONGEST_NAME:
        return [f"The name is longer than {LONGEST_NAME} characters"]
    s = t.schedule.c
    taken = session.scalar(select(s.id).where(s.name == name, s.archived_at.is_(None), s.id != (own_id or 0)))
    return [f"There is already a schedule {name}"] if taken else []


def _numbers(draft: Draft) -> list[str]:
    limits = (
        (draft.jitter_seconds, LONGEST_JITTER, f"Jitter is 0 to {LONGEST_JITTER} seconds"),
        (draft.grace_seconds, LONGEST_SECONDS, f"Grace is 0 to {LONGEST_SECONDS} seconds"),
        (draft.priority, MAX_PRIORITY, f"The priority is 0 to {MAX_PRIORITY}"),
    )
    problems = [sentence for number, most, sentence in limits if not 0 <= number <= most]
    if draft.deadline_minutes is not None:
        if not 1 <= draft.deadline_minutes <= LONGEST_DEADLINE:
            problems.append(f"The deadline is 1 to {LONGEST_DEADLINE} minutes after the planned time")
        elif draft.deadline_minutes * 60 <= draft.jitter_seconds:
            problems.append("The deadline must lie after the jitter, or no run could keep it")
    return problems


def _targets(session: Session, draft: Draft, checked: Checked) -> list[str]:
    problems = []
    i = t.expert_instance.c
    expert = session.execute(select(i.alias, i.archived_at).where(i.id == draft.expert_instance_id)).one_or_none()
    if expert is None:
        problems.append("Choose an expert")
    elif expert.archived_at is not None:
        problems.append(f"{expert.alias} was removed; choose another expert")
    try:
        checked.symbols = tuple(dict.fromkeys(symbol_of(symbol) for symbol in draft.symbols))
    except Invalid as error:
        problems.append(str(error))
    if len(checked.symbols) > MOST_SYMBOLS:
        problems.append(f"{len(checked.symbols)} symbols are too many; {MOST_SYMBOLS} at most")
    known = set(session.scalars(select(t.watchlist.c.id).where(t.watchlist.c.id.in_(draft.watchlist_ids))))
    problems += [f"There is no watchlist {each}" for each in draft.watchlist_ids if each not in known]
    if not draft.symbols and not draft.watchlist_ids:
        problems.append("Choose symbols or a watchlist")
    return problems
