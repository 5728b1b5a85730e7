"""Analysis detail: one analysis in a page or a drawer, live, repainting only changed parts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.attempts.lifecycle import Event
from ba2_trade_platform.core.base.change_feed import Change
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.monitoring.attempt_history import Attempt
from ba2_trade_platform.ui.analysis.attempts import attempt_line
from ba2_trade_platform.ui.analysis.comparison import Comparison
from ba2_trade_platform.ui.analysis.header import DetailHeader, Verb, show_facts
from ba2_trade_platform.ui.analysis.output_reader import Reading, StepView, read
from ba2_trade_platform.ui.analysis.price_chart import PriceChart
from ba2_trade_platform.ui.analysis.recommendation import Failure, expert_state, failure, recommendation
from ba2_trade_platform.ui.analysis.rerun_outlook import show_outlook
from ba2_trade_platform.ui.analysis.sections import Sections
from ba2_trade_platform.ui.analysis.steps import step_line
from ba2_trade_platform.ui.analysis.timeline import timeline
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import KeyedList, Panel, empty_state, quiet
from ba2_trade_platform.ui.rerun.dialog import Reruns
from ba2_trade_platform.ui.rerun.options import rerun_menu
from ba2_trade_platform.vocabulary import Status

BACK = ("Back to Job Monitoring", "/marketanalysis")


class AnalysisDetail:
    """Everything about one analysis, built into the slot that is open when `build` is called.

    With `on_close` it stands in a drawer that can be closed, without on a page of its own.
    """

    def __init__(self, desk: Desk, analysis_id: int, on_close: Callable[[], Awaitable[None]] | None = None) -> None:
        self._desk, self._id, self._on_close = desk, analysis_id, on_close
        self._shown: Reading | None = None
        self._open: set[str] = set()
        self._lock = asyncio.Lock()
        self._reruns = Reruns(desk)

    async def build(self) -> None:
        """Read the analysis and show it, or say that there is none."""
        self._root = ui.element("article").classes("ba2-detail")
        with reporting():
            async with self._lock:
                try:
                    reading = await off_loop(read, self._desk.platform, self._id)
                except NotFound:
                    self._show_missing(f"There is no analysis {self._id}. It may have been deleted.")
                    return
                with self._root:
                    self._build_parts(reading)
                    self._show(reading)
                    ui.timer(0, self._draw, once=True)

    async def refresh(self, change: Change) -> None:
        """Show what changed, if it concerns this analysis: its row, or whether its recommendation still counts."""
        # A recommendation is superseded, or current again, by what becomes of another analysis; whether a retry counts
        # down or waits for its provider is another's doing too.
        row = self._shown.row if self._shown is not None else None
        others_matter = row is not None and (row.status is Status.COMPLETED or row.retrying)
        if change.touched([self._id]) or others_matter:
            await self._look_again()

    async def _look_again(self) -> None:
        with reporting():
            async with self._lock:
                if self._shown is None:
                    return
                try:
                    reading = await off_loop(read, self._desk.platform, self._id, self._shown)
                except NotFound:
                    self._show_missing(f"Analysis {self._id} was deleted.")
                    return
                if not self._root.is_deleted:
                    self._show(reading)
            await self._draw()

    def _build_parts(self, reading: Reading) -> None:
        platform, zone = self._desk.platform, self._desk.zone
        in_drawer = self._on_close is not None
        if in_drawer:
            close = ui.button(icon="close", on_click=self._on_close, color=None).classes("ba2-detail-close")
            close.props('flat dense round size=sm aria-label="Close the details"')
        verbs: dict[Event, Verb] = {
            Event.RERUN: self._rerun,
            Event.RUN_NOW: partial(self._perform, Event.RUN_NOW, platform.waiting_retries.run_now),
            Event.STOP_RETRYING: partial(self._perform, Event.STOP_RETRYING, platform.waiting_retries.stop),
            Event.CANCEL: partial(self._perform, Event.CANCEL, platform.analyses.cancel),
            Event.RUN_AGAIN: self._run_again,
            Event.DELETE: self._ask_delete,
        }
        enabled = platform.analyses.rerun_enabled
        part = partial(rerun_menu, self._desk, self._id, self._rerun)
        self._header = DetailHeader(reading.row, verbs, part, rerun_enabled=enabled, in_drawer=in_drawer)
        self._again = ui.element("div")
        with ui.element("div").classes("ba2-detail-columns"):
            with ui.element("div").classes("ba2-detail-column"):
                self._failure = Panel("Failure", classes="ba2-failure")
                self._answer = Panel("Recommendation")
                self._chart = PriceChart(Panel("Prices"), platform.prices)
                self._outputs_panel = Panel("Outputs")
                with self._outputs_panel.element:
                    self._outputs = Sections(self._id, self._open)
                self._comparison = Comparison(platform, self._id)
            with ui.element("div").classes("ba2-detail-column"):
                self._facts = Panel("About")
                self._steps_panel = Panel("Steps")
                with self._steps_panel.element:
                    step = partial(step_line, self._id, zone, self._open)
                    self._steps: KeyedList[int, StepView] = KeyedList(step)
                with Panel("Attempts", anchor="attempts").element:
                    attempt = partial(attempt_line, platform, self._id, zone, self._open)
                    self._attempts: KeyedList[int, Attempt] = KeyedList(attempt)
                self._timeline = Panel("Timeline", anchor="timeline")
                self._state = Panel("Expert state")

    def _show(self, reading: Reading) -> None:
        """Repaint the parts whose data changed."""
        self._shown = reading
        row, zone = reading.row, self._desk.zone
        self._header.show(reading, zone, stopping=row.id in self._desk.platform.worker.status.stopping)
        found = Failure.of(reading)
        self._failure.show_if(found is not None)
        if found is not None:
            self._failure.show(found, lambda data: failure(data, self._open, self._show_outlook))
        self._answer.show((reading.recommendation, row.status), lambda data: recommendation(*data))
        show_facts(self._facts, reading, zone)
        waiting = row.status in (Status.PENDING, Status.RUNNING)
        nothing = "Nothing yet." if waiting else "This attempt left nothing."
        self._steps_panel.show("" if reading.steps else nothing, _say)
        self._steps.show(reading.step_views())
        self._outputs_panel.show("" if reading.outputs else nothing, _say)
        self._outputs.show(reading.outputs)
        self._attempts.show({attempt.number: attempt for attempt in reading.attempts})
        self._comparison.show(reading.attempts)
        self._timeline.show(reading.timeline, lambda moments: timeline(moments, zone))
        self._state.show_if(reading.state is not None)
        if reading.state is not None:
            self._state.show(reading.state, lambda value: expert_state(value, "state", self._open))

    async def _draw(self) -> None:
        if self._shown is not None and not self._root.is_deleted:
            await self._chart.show(self._shown.row.symbol, self._shown.as_of, self._shown.recommendation)

    def _show_missing(self, sentence: str) -> None:
        self._shown = None
        if self._root.is_deleted:
            return
        self._root.clear()
        with self._root:
            if self._on_close is None:
                empty_state("search_off", "Analysis not found", sentence, links=(BACK,))
            else:
                empty_state("search_off", "Analysis not found", sentence)
                close = ui.button("Close", on_click=self._on_close, color=None)
                close.props("flat no-caps").classes("ba2-detail-centre")

    async def _show_outlook(self, fingerprint: str) -> None:
        with self._root:
            await show_outlook(self._desk, fingerprint)

    # --- verbs ---------------------------------------------------------------------------------------------------

    async def _perform(self, event: Event, work: Callable[..., Any]) -> Any:
        """Carry out one verb while its button turns, say what came of it, and look again."""

        async def perform() -> Any:
            done = await off_loop(work, self._id, by=self._desk.trader)
            notify(done.sentence, "warning" if getattr(done, "is_duplicate", False) else "positive")
            return done

        return await self._under_way(event, perform)

    async def _under_way(self, event: Event, perform: Callable[[], Awaitable[Any]]) -> Any:
        self._header.set_busy(event, True)
        done = None
        try:
            with reporting():
                done = await perform()
        finally:
            if not self._root.is_deleted:
                self._header.set_busy(event, False)
        await self._look_again()
        return done

    async def _rerun(self, mode: str | None = None) -> None:
        def ask() -> Awaitable[Any]:
            return self._reruns.click(self._id) if mode is None else self._reruns.options(self._id, mode)

        with self._root:
            await self._under_way(Event.RERUN, ask)

    async def _run_again(self) -> None:
        submitted = await self._perform(Event.RUN_AGAIN, self._desk.platform.analyses.run_again)
        if submitted is not None and not self._root.is_deleted:
            self._again.clear()
            with self._again, ui.element("div").classes("ba2-note"):
                ui.label("Run again as")
                url = f"/market_analysis/{submitted.analysis_id}"
                ui.link(f"analysis {submitted.analysis_id}", url).classes("ba2-link")

    async def _ask_delete(self) -> None:
        async def delete() -> None:
            await self._perform(Event.DELETE, self._desk.platform.analyses.delete)

        with self._root:
            await confirm(
                f"Delete analysis {self._id}?",
                "Its outputs, recommendation and attempts are deleted for ever. "
                "If it is running it is cancelled first.",
                "Delete",
                delete,
            )


def _say(sentence: str) -> None:
    if sentence:
        quiet(sentence)
