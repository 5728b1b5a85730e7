"""Recurrence rules: times of day, cron or offsets from a session, read from JSON and worded for a trader."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import islice, takewhile
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from ba2_trade_platform.core.base.errors import Invalid

MOST_A_DAY = 100
LONGEST_OFFSET = 720
FIRST_YEAR, LAST_YEAR = 1970, 2100
DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
# A Monday in an ordinary year; from here a cron line that ever comes is found.
_PROBE = datetime(2024, 1, 1)  # noqa: DTZ001 - a local time of no zone


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _days(days: tuple[int, ...]) -> tuple[int, ...]:
    if not days:
        raise ValueError("Choose at least one day of the week")
    if not all(0 <= day <= 6 for day in days):
        raise ValueError("Days are numbers from 0 (Monday) to 6 (Sunday)")
    return tuple(sorted(set(days)))


Days = Annotated[tuple[int, ...], AfterValidator(_days)]


class Times(_Rule):
    """Local times on days of the week, 0 is Monday: the same times on each of them."""

    kind: Literal["times"] = "times"
    days: Days = (0, 1, 2, 3, 4)
    times: tuple[str, ...]

    @field_validator("times")
    @classmethod
    def _times(cls, times: tuple[str, ...]) -> tuple[str, ...]:
        if not times:
            raise ValueError("Give at least one time of day, for example 09:30")
        wrong = [text for text in times if not CLOCK_TIME.fullmatch(text)]
        if wrong:
            raise ValueError(f"{wrong[0][:20] or '(empty)'} is no time of day; write it as 09:30 or 15:45")
        chosen = tuple(sorted(set(times)))
        if len(chosen) > MOST_A_DAY:
            raise ValueError(f"{len(chosen)} times a day are too many; {MOST_A_DAY} at most")
        return chosen


@lru_cache(maxsize=10_000)
def _cron_line(text: str) -> str:
    """Return a cron line that comes, and not too often; kept, for a schedule's is read whenever it is due."""
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - only for those who want cron

    fields = text.split()
    line = " ".join(fields)
    if len(fields) != 5:
        raise ValueError("A cron line has five fields: minute, hour, day of month, month, day of week")
    try:
        ticks = CronSim(line, _PROBE)
        first = next(ticks, None)
    except CronSimError as error:
        raise ValueError(f"{line} is no cron line: {error}") from error
    if first is None:
        raise ValueError(f"{line} never comes")
    others = takewhile(lambda tick: tick.date() == first.date(), ticks)
    if len(list(islice(others, MOST_A_DAY))) == MOST_A_DAY:
        raise ValueError(f"{line} comes more than {MOST_A_DAY} times a day; the shortest step is 15 minutes")
    return line


class Cron(_Rule):
    """A cron line of five fields (minute, hour, day of month, month, day of week), in local time."""

    kind: Literal["cron"] = "cron"
    expression: Annotated[str, Field(max_length=200), AfterValidator(_cron_line)]


class Offset(_Rule):
    """So many minutes after the open or the close of a session; before it where negative."""

    anchor: Literal["open", "close"]
    minutes: int

    @field_validator("minutes")
    @classmethod
    def _minutes(cls, minutes: int) -> int:
        if abs(minutes) > LONGEST_OFFSET:
            raise ValueError(f"{minutes} minutes are too far from the session; {LONGEST_OFFSET} at most, either way")
        return minutes

    def __str__(self) -> str:
        if not self.minutes:
            return f"at the {self.anchor}"
        return f"{abs(self.minutes)} min {'after' if self.minutes > 0 else 'before'} {self.anchor}"


class SessionTimes(_Rule):
    """Offsets from the open and the close of every session that falls on one of these days, 0 is Monday."""

    kind: Literal["session"] = "session"
    days: Days = (0, 1, 2, 3, 4, 5, 6)
    offsets: tuple[Offset, ...]

    @field_validator("offsets")
    @classmethod
    def _offsets(cls, offsets: tuple[Offset, ...]) -> tuple[Offset, ...]:
        if not offsets:
            raise ValueError("Give at least one time, for example 15 min after open")
        if len(offsets) > MOST_A_DAY:
            raise ValueError(f"{len(offsets)} times a day are too many; {MOST_A_DAY} at most")
        return tuple(dict.fromkeys(offsets))


Timing = Annotated[Times | Cron | SessionTimes, Field(discriminator="kind")]
_TIMING: TypeAdapter[Times | Cron | SessionTimes] = TypeAdapter(Timing)


@dataclass(frozen=True)
class Plan:
    """A timing in its zone. `calendar` None: every day counts; else only days on which that exchange has a session.

    `starts_on` and `ends_on` are the first and the last day, both included: local days of `zone`, and for offsets
    from a session the exchange's own days.
    """

    timing: Times | Cron | SessionTimes
    zone: str
    calendar: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None


def read_timing(stored: Mapping[str, Any]) -> Times | Cron | SessionTimes:
    """Return a timing as it stands in a schedule's row or was sent. Raises Invalid with what is wrong, in words."""
    try:
        return _TIMING.validate_python(dict(stored))
    except ValidationError as error:
        raise Invalid("; ".join(map(_sentence, error.errors())), code="TIMING_INVALID") from error


def _sentence(problem: Mapping[str, Any]) -> str:
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return "A timing's kind is times, cron or session"
    if problem["type"] == "value_error":
        return str(problem["msg"]).removeprefix("Value error, ")
    where = ".".join(str(part) for part in problem["loc"][1:])
    return f"{where or 'timing'}: {problem['msg']}"


def plan_problems(plan: Plan) -> list[str]:
    """Return what is wrong with a plan beside its timing, in sentences."""
    problems = []
    if plan.zone not in available_timezones():
        problems.append(f"There is no time zone {plan.zone or '(empty)'}; for example Europe/Berlin")
    if isinstance(plan.timing, SessionTimes) and plan.calendar is None:
        problems.append("Times from open and close need an exchange calendar, for example XNYS")
    problems += [
        f"{day} is too far away; schedules know the years {FIRST_YEAR} to {LAST_YEAR}"
        for day in (plan.starts_on, plan.ends_on)
        if day and not FIRST_YEAR <= day.year <= LAST_YEAR
    ]
    if plan.starts_on and plan.ends_on and plan.ends_on < plan.starts_on:
        problems.append(f"It ends on {plan.ends_on}, before it starts on {plan.starts_on}")
    return problems


def describe(plan: Plan) -> str:
    """Return a plan as a trader says it."""
    timing = plan.timing
    if isinstance(timing, SessionTimes):
        every = "" if len(timing.days) == 7 else f" on {_days_in_words(timing.days)}"
        words = f"{_listed([str(offset) for offset in timing.offsets])} of each {plan.calendar} session{every}"
    else:
        if isinstance(timing, Cron):
            words = f"cron {timing.expression}, {plan.zone}"
        else:
            words = f"{_days_in_words(timing.days)} at {_listed(timing.times)}, {plan.zone}"
        if plan.calendar:
            words += f"; not on days without an {plan.calendar} session"
    if plan.starts_on:
        words += f"; from {plan.starts_on}"
    if plan.ends_on:
        words += f"; until {plan.ends_on}"
    return words


def _days_in_words(days: Sequence[int]) -> str:
    if len(days) == 7:
        return "every day"
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{DAY_NAMES[days[0]]}-{DAY_NAMES[days[-1]]}"
    return _listed([DAY_NAMES[day] for day in days])


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
