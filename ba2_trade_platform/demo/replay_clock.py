"""Replay clock: stands at the end of the demo prices, or walks through 2007 to 2009 faster than real time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ba2_trade_platform.core.contracts.replay import ReplayMode, ReplayState, Walk
from ba2_trade_platform.market.calendars.sessions import instant, microseconds, session_calendar

# Nobody watches a desk at night: from two hours after a close to an hour before the next open time runs faster.
NIGHT_FACTOR = 20
BEFORE_OPEN = timedelta(hours=1)
AFTER_CLOSE = timedelta(hours=2)
_SECOND = 1_000_000


@dataclass(frozen=True)
class Pace:
    """How market time passes during a walk: through nights, week-ends and holidays `NIGHT_FACTOR` times as fast.

    `market` and `desk` are the corners of one ascending line, in seconds: of the market since 1970, of the desk since
    the walk's beginning. What is planned at night comes at its place, nothing is jumped over.
    """

    market: NDArray[np.float64]
    desk: NDArray[np.float64]

    @classmethod
    def between(cls, start: datetime, end: datetime, calendar: str) -> Pace:
        """Return the pace of a walk from `start` to `end`, by the sessions of this calendar."""
        sessions, first, last = session_calendar(calendar), microseconds(start), microseconds(end)
        opens = sessions.opens - BEFORE_OPEN // timedelta(microseconds=1)
        closes = sessions.closes + AFTER_CLOSE // timedelta(microseconds=1)
        touched = (closes > first) & (opens < last)
        corners = np.stack([opens[touched], closes[touched]], axis=1).clip(first, last).ravel()
        market = np.concatenate([[first], corners, [last]]) / _SECOND
        # Between the corners: night, day, night, day ... night.
        speeds = np.where(np.arange(len(market) - 1) % 2, 1.0, float(NIGHT_FACTOR))
        return cls(market, np.concatenate([[0.0], np.cumsum(np.diff(market) / speeds)]))

    def desk_seconds(self, at: datetime) -> float:
        """Return how much desk time has passed when the market's clock shows `at`."""
        return float(np.interp(microseconds(at) / _SECOND, self.market, self.desk))

    def instant(self, desk_seconds: float) -> datetime:
        """Return what the market's clock shows after so much desk time."""
        return instant(round(float(np.interp(desk_seconds, self.desk, self.market)) * _SECOND))


class ReplayClock:
    """A clock that stands at `stands_at`, or walks; thread-safe. `seconds` is real time, counted from anywhere."""

    def __init__(
        self, stands_at: datetime, calendar: str = "XNYS", seconds: Callable[[], float] = time.monotonic
    ) -> None:
        if stands_at.utcoffset() is None:
            raise ValueError(f"{stands_at} has no time zone; a clock needs an aware instant")
        self._stands_at = stands_at.astimezone(UTC)
        self._calendar = calendar
        self._seconds = seconds
        self._lock = threading.RLock()
        self._walk: Walk | None = None
        self._pace: Pace | None = None
        self._since = 0.0
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """Return the instant it shows, aware, in UTC."""
        return self.state().now

    def state(self) -> ReplayState:
        """Return how it stands or walks, all of one moment."""
        with self._lock:
            walk, pace = self._walk, self._pace
            if walk is None or pace is None:
                return ReplayState(ReplayMode.STANDING, self._stands_at)
            now = walk.at
            if walk.going:
                passed = (self._seconds() - self._since) * walk.speed
                now = min(max(walk.at, pace.instant(pace.desk_seconds(walk.at) + passed)), walk.end)
        left = (pace.desk_seconds(walk.end) - pace.desk_seconds(now)) / walk.speed
        mode = ReplayMode.ENDED if now >= walk.end else ReplayMode.WALKING if walk.going else ReplayMode.PAUSED
        return ReplayState(mode, now, walk, left)

    def seconds_until(self, instant: datetime) -> float | None:
        """Return in how many real seconds it will show `instant`, 0 when it has been.

        None while it stands or waits, and for what comes after the walk's end.
        """
        with self._lock:
            state, pace = self.state(), self._pace
            if state.walk is None or pace is None:
                return None
            if instant <= state.now:
                return 0.0
            if state.mode is not ReplayMode.WALKING or instant > state.walk.end:
                return None
            return (pace.desk_seconds(instant) - pace.desk_seconds(state.now)) / state.walk.speed

    def on_change(self, tell: Callable[[], None]) -> None:
        """Call `tell` whenever the clock was set, started, stopped or changed its speed."""
        self._listeners.append(tell)

    def set(self, walk: Walk | None) -> None:
        """Walk, or wait where this walk waits; None stands at the end of the prices.

        Whoever listens is told, but not of a walk that waits: nothing was jumped, and what was due just before is run.
        """
        pace = Pace.between(walk.start, walk.end, self._calendar) if walk else None
        with self._lock:
            self._walk, self._pace, self._since = walk, pace, self._seconds()
        if walk is None or walk.going:
            for tell in self._listeners:
                tell()
