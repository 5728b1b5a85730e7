"""Calendar day endpoints: how far a calendar reaches, and a desk's extra sessions and closed days."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from ba2_trade_platform.api.http.answers import Answer, Items
from ba2_trade_platform.api.http.dependencies import Asker, Console, RequestBody
from ba2_trade_platform.api.http.fields import Day, said
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.contracts.exchanges import CalendarReach, OwnDays
from ba2_trade_platform.core.instruments.calendar_days import LONGEST_REASON, CalendarDay
from ba2_trade_platform.vocabulary import OwnDaysKind

router = APIRouter(tags=["calendars"])
A_CALENDAR = Field(min_length=1, max_length=20, description="The exchange's calendar, such as XNYS")
LocalTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="Local time of the exchange, 09:15")]
Why = Annotated[str, Field(max_length=LONGEST_REASON, description="Why; kept in the file and in the activity log")]


class CalendarAnswer(Answer, of=CalendarReach):
    """From which day to which it is known whether there is a session; `sentence` says what to do at its end."""

    sentence: str


class CalendarDaysAnswer(BaseModel):
    """The desk's corrections, and what cannot be used of their file."""

    items: list[OwnDays]
    problems: list[str]


class CalendarDayBody(RequestBody):
    """Days that are sessions after all, or none. Of several extra sessions those days count that usually trade."""

    calendar: Annotated[str, A_CALENDAR]
    kind: OwnDaysKind
    first: Day
    last: Annotated[Day | None, Field(description="The last of several days; absent: one day")] = None
    opens: LocalTime | None = None
    closes: LocalTime | None = None
    reason: Why = ""

    def days(self) -> OwnDays:
        """Return this as the service's value."""
        opens, closes = (None if text is None else time.fromisoformat(text) for text in (self.opens, self.closes))
        last = self.first if self.last is None else self.last
        return OwnDays(self.calendar.strip(), self.kind, self.first, last, opens, closes, self.reason)


class CalendarDayRemoval(RequestBody):
    """Which correction is to be taken away."""

    calendar: Annotated[str, A_CALENDAR]
    first: Day
    last: Day | None = None
    reason: Why | None = None


class CalendarDayAnswer(Answer, of=CalendarDay):
    """The correction that was made or taken away."""


@router.get("/calendars")
def list_calendars(console: Console) -> Items[str]:
    """Return the names of all calendars that can be computed here."""
    return Items(items=list(console.instruments.calendar_days.names()))


@router.get("/calendars/{name:path}", responses=documented(404))
def get_calendar(
    name: Annotated[str, Path(max_length=20), said(pattern=r"^[A-Za-z0-9_/]+$")], console: Console
) -> CalendarAnswer:
    """Return how far a calendar reaches, the desk's own days included."""
    return CalendarAnswer.model_validate(console.instruments.calendar_days.reach(name))


@router.get("/calendar-days")
def list_calendar_days(console: Console) -> CalendarDaysAnswer:
    """Return the desk's extra sessions and closed days."""
    days = console.instruments.calendar_days
    return CalendarDaysAnswer(items=list(days.list()), problems=list(days.problems()))


@router.post("/calendar-days", status_code=201, responses=documented(409))
def add_calendar_days(body: CalendarDayBody, console: Console, asker: Asker) -> CalendarDayAnswer:
    """Make days sessions, or close them."""
    return CalendarDayAnswer.model_validate(console.instruments.calendar_days.add(body.days(), by=asker))


@router.post("/calendar-days/remove", responses=documented(404, 409))
def remove_calendar_days(body: CalendarDayRemoval, console: Console, asker: Asker) -> CalendarDayAnswer:
    """Take a correction away: the calendar is as it is recorded again."""
    days = console.instruments.calendar_days
    done = days.remove(body.calendar, body.first, body.last, by=asker, reason=body.reason)
    return CalendarDayAnswer.model_validate(done)
