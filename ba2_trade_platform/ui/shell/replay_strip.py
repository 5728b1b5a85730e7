"""Replay strip: the demo market's clock in the top strip, with its buttons."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.contracts.replay import ReplayMode, ReplayState
from ba2_trade_platform.demo.replay import BEGINS, DAY_IN_A_MINUTE, LAST, WEEK, WEEK_IN_A_MINUTE
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import icon_button, set_class

SECOND = 1.0
SPEEDS = {"A week in a minute": WEEK_IN_A_MINUTE, "A day in a minute": DAY_IN_A_MINUTE, "A minute in a second": 60.0}
HELP = (
    f"Replay the bundled market: its clock walks through the week of {BEGINS:%d %B %Y} in a minute, with the schedules "
    "that follow it. What you analyse meanwhile sees only what was known at that moment. Once it has ended, the same "
    "button goes on with the week after."
)


class ReplayStrip:
    """Shows the clock's date while it walks, once a second, and sends nothing while it stands."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._replay = desk.platform.demo.replay
        self._shown: ReplayState | None = None
        self._timer: ui.timer | None = None

    def build(self) -> None:
        """Build the strip; nothing for prices that cannot be replayed."""
        replay = self._replay
        self._strip = ui.element("div").classes("ba2-replay").props('role=group aria-label="Market clock"')
        self._strip.set_visibility(replay.possible)
        with self._strip:
            self._now = ui.label().classes("ba2-number").mark("replay-now")
            with self._now:
                self._hint = ui.tooltip("")
            self._start = icon_button("history", "Replay a week", self._begin, f"Replay a week. {HELP}")
            self._pause = icon_button("pause", "Pause the replay", partial(self._do, replay.pause))
            self._resume = icon_button("play_arrow", "Resume the replay", partial(self._do, replay.resume))
            self._speed = icon_button("speed", "Speed of the replay").classes("ba2-hide-narrow")
            with self._speed, ui.menu():
                for words, speed in SPEEDS.items():
                    ui.menu_item(words, partial(self._do, replay.set_speed, speed))
            self._stop = icon_button("stop", "End the replay: back to 2014", partial(self._do, replay.stop))
        for button in (self._start, self._pause, self._resume, self._stop):
            button.mark(f"replay-{button.icon}")

    def build_invitation(self) -> None:
        """Build the word in the demo desk's banner that begins a replay."""
        self._invitation = ui.button("Replay a week", color=None, on_click=self._begin)
        self._invitation.props("flat dense no-caps size=sm").classes("ba2-link").mark("replay-invitation")
        with self._invitation:
            ui.tooltip(HELP)
        self._invitation.set_visibility(self._replay.possible)

    def build_status(self) -> None:
        """Build the market's clock for the status bar."""
        clock = self._desk.platform.prices.clock
        self._status = ui.label(_clock_words(clock.now())).classes("ba2-hide-narrow")

    def follow(self) -> None:
        """Show the clock, and go on once a second while it walks; called last of all.

        A timer waits for the browser, and NiceGUI sends a page as soon as something on it does: begun before the
        page's own content is there it would have every page appear empty.
        """
        self._timer = ui.timer(SECOND, self.show, active=False, immediate=False)
        self.show()

    def show(self) -> None:
        """Show where the clock is now; it is asked in memory, so on the loop."""
        if not self._replay.possible:
            return
        state = self._replay.state()
        if self._timer is not None:
            self._timer.active = state.mode is ReplayMode.WALKING
        if state == self._shown:
            return
        self._shown = state
        under_way = state.walk is not None
        self._now.set_text(f"{state.now:%a %Y-%m-%d %H:%M}" if under_way else "")
        self._now.set_visibility(under_way)
        self._status.set_text(_clock_words(state.now))
        self._hint.set_text(f"{state.sentence}. {HELP}")
        set_class(self._strip, "going", under_way)
        for button, modes in (
            (self._start, {ReplayMode.STANDING, ReplayMode.ENDED}),
            (self._invitation, {ReplayMode.STANDING, ReplayMode.ENDED}),
            (self._pause, {ReplayMode.WALKING}),
            (self._resume, {ReplayMode.PAUSED}),
            (self._speed, {ReplayMode.WALKING, ReplayMode.PAUSED}),
            (self._stop, {ReplayMode.WALKING, ReplayMode.PAUSED, ReplayMode.ENDED}),
        ):
            button.set_visibility(state.mode in modes)

    async def _begin(self) -> None:
        # A schedule has each planned time once: a second look at the same week would show no runs.
        state = self._replay.state()
        again = (state.now,) if state.mode is ReplayMode.ENDED and state.now + WEEK <= LAST else ()
        await self._do(self._replay.start, *again)

    async def _do(self, verb: Callable[..., ReplayState], *given: Any) -> None:
        with reporting():
            state = await off_loop(verb, *given, by=self._desk.trader)
            notify(state.sentence)
            self.show()


def _clock_words(now: datetime) -> str:
    return f"Market clock: {now:%Y-%m-%d %H:%M} UTC"
