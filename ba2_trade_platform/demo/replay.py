"""Market replay: starts, pauses, resumes and stops the demo market's clock, and keeps its place."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from pydantic import TypeAdapter

from ba2_trade_platform.core.base.actors import SYSTEM, Actor, actor_id
from ba2_trade_platform.core.base.app_settings import read_setting, write_setting
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.change_feed import Change, Topic
from ba2_trade_platform.core.base.errors import Impossible, Invalid, Refused
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.replay import ReplayMode, ReplayState, Walk
from ba2_trade_platform.demo.replay_clock import ReplayClock

log = logging.getLogger(__name__)

SETTING = "replay"
WALK: TypeAdapter[Walk | None] = TypeAdapter(Walk | None)
FIRST = datetime(2007, 1, 1, tzinfo=UTC)
LAST = datetime(2009, 12, 31, 21, tzinfo=UTC)
BEGINS = datetime(2008, 9, 8, 12, tzinfo=UTC)  # Monday morning in New York, a week before Lehman's
WEEK = timedelta(days=7)
WEEK_IN_A_MINUTE = 3_200.0
DAY_IN_A_MINUTE = 700.0
SLOWEST, FASTEST = 1.0, 100_000.0
SAVE_SECONDS = 5
CLOCK_MOVED = Change(frozenset({Topic.MARKET_CLOCK}))


class Replay:
    """Moves the demo market's clock and keeps where it is, so that a restart goes on there.

    Without a clock that can walk (any other price provider) every verb is refused with a sentence.
    """

    def __init__(self, store: Store, clock: ReplayClock | None) -> None:
        self._store = store
        self._clock = clock
        self._turn = threading.Lock()
        self._kept: datetime | None = None  # where it was written last

    @property
    def possible(self) -> bool:
        """Whether these prices can be replayed."""
        return self._clock is not None

    def state(self) -> ReplayState:
        """Return how the clock stands or walks. Raises Refused where there is nothing to replay."""
        return self._walking_clock().state()

    def start(
        self, start: datetime = BEGINS, end: datetime | None = None, speed: float = WEEK_IN_A_MINUTE, *, by: Actor
    ) -> ReplayState:
        """Walk from `start` to `end`, a week later unless told; a replay under way begins anew. Raises Invalid."""
        end = min(start + WEEK, LAST) if end is None else end
        if not FIRST <= start < end <= LAST:
            raise Impossible(
                f"A replay begins and ends between {FIRST:%Y-%m-%d} and {LAST:%Y-%m-%d}, and ends after it begins",
                code="REPLAY_RANGE",
            )
        begins = start.astimezone(UTC)
        return self._move(Action.START, lambda _: Walk(begins, end.astimezone(UTC), begins, _sane(speed)), by)

    def pause(self, *, by: Actor) -> ReplayState:
        """Wait where the replay is. Raises Refused when none walks."""
        step = partial(_turned, mode=ReplayMode.WALKING, verb="paused", code="REPLAY_NOT_WALKING")
        return self._move(Action.PAUSE, step, by)

    def resume(self, *, by: Actor) -> ReplayState:
        """Go on where the replay waits. Raises Refused when none waits."""
        step = partial(_turned, mode=ReplayMode.PAUSED, verb="resumed", code="REPLAY_NOT_PAUSED")
        return self._move(Action.RESUME, step, by)

    def set_speed(self, speed: float, *, by: Actor) -> ReplayState:
        """Go on at another speed, from where the replay is. Raises Refused when there is none, Invalid."""
        return self._move(Action.CHANGE, lambda state: replace(_under_way(state), at=state.now, speed=_sane(speed)), by)

    def stop(self, *, by: Actor) -> ReplayState:
        """Put the clock back to where it stands; allowed when it stands there already."""
        return self._move(Action.STOP, lambda _: None, by)

    def restore(self) -> None:
        """Go on where the clock was when the console went down: the time in between has not passed."""
        if self._clock is None:
            return
        with self._store.read() as session:
            kept = WALK.validate_python(read_setting(session, SETTING))
        if kept is not None:
            self._clock.set(kept)
            log.info("%s", self._clock.state().sentence)

    def save(self) -> None:
        """Keep where the walking clock is; a kill loses what came after it."""
        if self._clock is None:
            return
        with self._turn:
            state = self._clock.state()
            if state.walk is None or not state.walk.going or state.now == self._kept:
                return
            # As the worker's own writes: it says nothing new to anybody, and a stopping console still keeps it.
            with self._store.write(internal=True) as transaction:
                kept = WALK.dump_python(replace(state.walk, at=state.now), mode="json")
                who = actor_id(transaction.session, SYSTEM)
                write_setting(transaction.session, SETTING, kept, who, self._store.clock.now())
            self._kept = state.now
        if state.mode is ReplayMode.ENDED:
            self._store.feed.publish(CLOCK_MOVED)  # every page shows that it has ended

    def _walking_clock(self) -> ReplayClock:
        if self._clock is None:
            raise Refused("Only the demo market can be replayed: set BA2_PRICES=demo", code="REPLAY_IMPOSSIBLE")
        return self._clock

    def _move(self, action: Action, step: Callable[[ReplayState], Walk | None], by: Actor) -> ReplayState:
        clock = self._walking_clock()
        with self._turn:
            before = clock.state()
            walk = step(before)
            with self._store.command(by, action, Subject.REPLAY) as command:
                kept = WALK.dump_python(walk, mode="json")
                write_setting(command.session, SETTING, kept, command.actor_id, command.now)
                after = "standing" if walk is None else f"{walk.at.isoformat()} at {walk.speed:g}"
                command.record(before=before.now.isoformat(), after=after)
            clock.set(walk)
            self._kept, state = None, clock.state()
        self._store.feed.publish(CLOCK_MOVED)  # only now, or a page could still read the clock as it was
        log.info("%s: %s the replay. %s", by, action.value, state.sentence)
        return state


def _under_way(state: ReplayState) -> Walk:
    if state.walk is None:
        raise Refused("There is no replay under way; start one", code="NO_REPLAY")
    return state.walk


def _turned(state: ReplayState, mode: ReplayMode, verb: str, code: str) -> Walk:
    """Return the walk that waits now if it went on, and goes on if it waited."""
    walk = _under_way(state)
    if state.mode is not mode:
        raise Refused(f"{state.sentence}; only a {mode} replay can be {verb}", code=code)
    return replace(walk, at=state.now, going=not walk.going)


def _sane(speed: float) -> float:
    if not SLOWEST <= speed <= FASTEST:
        raise Invalid(f"A replay's speed is from {SLOWEST:g} to {FASTEST:,g} market seconds a second", code="SPEED")
    return float(speed)
