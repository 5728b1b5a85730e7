"""Analysis header: title, status, verbs and times, updated in place so that no click is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

from nicegui import ui

from ba2_trade_platform.core.attempts.lifecycle import Event
from ba2_trade_platform.core.monitoring.job_list import AnalysisRow
from ba2_trade_platform.ui.analysis.output_reader import Reading
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.formats import due, money, retry_words, waits_for
from ba2_trade_platform.ui.kit.panels import Fact, Panel, chip, facts, set_class
from ba2_trade_platform.ui.kit.times import DASH, duration, exact, moment
from ba2_trade_platform.ui.kit.urls import symbol_url
from ba2_trade_platform.vocabulary import Status

Verb = Callable[[], Awaitable[None]]
VERBS = (
    (Event.RERUN, "Re-run", "refresh", "Re-run Failed Analysis"),
    (Event.RUN_NOW, "Run now", "bolt", "Do not wait for the retry's time"),
    (Event.STOP_RETRYING, "Stop retrying", "timer_off", "Let it stand failed as its last attempt ended"),
    (Event.CANCEL, "Cancel", "stop_circle", "Stop it now"),
    (Event.RUN_AGAIN, "Run again", "replay", "A new analysis like this one"),
    (Event.DELETE, "Delete", "delete", "Delete it with all its results"),
)


class DetailHeader:
    """Built once; afterwards only the parts that changed are touched, so that no click is lost."""

    def __init__(
        self,
        row: AnalysisRow,
        verbs: Mapping[Event, Verb],
        part: Callable[[], ui.button],
        *,
        rerun_enabled: bool,
        in_drawer: bool,
    ) -> None:
        self._rerun_enabled = rerun_enabled
        self._buttons: dict[Event, ui.button] = {}
        self._status: tuple[Status, bool] | None = None
        self._retry_shown: tuple[str, int | None] | None = None
        with ui.element("div").classes("ba2-detail-head"):
            with ui.element("div").classes("ba2-detail-title"):
                symbol = ui.link(row.symbol, symbol_url(row.symbol)).classes("ba2-detail-symbol")
                symbol.props("role=heading aria-level=1")
                ui.link(row.expert, f"/marketanalysis?expert={row.expert_instance_id}").classes("ba2-link")
                if in_drawer:
                    whole = ui.link(f"#{row.id}", f"/market_analysis/{row.id}").classes("ba2-link")
                    whole.props('title="Open the full page"')
                else:
                    ui.label(f"#{row.id}").classes("ba2-muted")
                self._chip = ui.element("span")
                self._attempt = ui.label().classes("ba2-muted")
                self._retry = ui.element("span").classes("ba2-muted ba2-retry").mark("retry")
            with ui.element("div").classes("ba2-detail-verbs"):
                for event, word, icon, hint in VERBS:
                    self._buttons[event] = _verb(event, word, icon, hint, verbs[event])
                    if event is Event.RERUN:
                        self._part = part()
            with ui.element("div").classes("ba2-detail-progress").props("role=progressbar") as self._progress:
                with ui.element("div").classes("ba2-detail-bar"):
                    self._bar = ui.element("span")
                self._step = ui.label().classes("ba2-muted")

    def show(self, reading: Reading, zone: ZoneInfo, *, stopping: bool) -> None:
        """Show how the analysis stands."""
        row = reading.row
        if (row.status, stopping) != self._status:
            self._status = (row.status, stopping)
            look = words.STATUS[row.status]
            self._chip.clear()
            with self._chip:
                chip(look._replace(word="stopping") if stopping else look).mark("status")
            for event, button in self._buttons.items():
                button.set_visibility(row.offers(event) and (self._rerun_enabled or event is not Event.RERUN))
            self._part.set_visibility(self._buttons[Event.RERUN].visible)
        to_be_fixed_first = reading.outlook is not None and reading.outlook.warns
        set_class(self._buttons[Event.RERUN], "ba2-outlined", to_be_fixed_first)
        self._attempt.set_text(attempt_words(row))
        self._show_retry(row, zone, reading.open_providers)
        running = row.status is Status.RUNNING
        self._progress.set_visibility(running)
        if running:
            self._bar.style(f"width: {row.progress}%")
            self._progress.props(f"aria-valuenow={row.progress} aria-valuemin=0 aria-valuemax=100")
            self._step.set_text(f"{row.progress} %  {row.current_step or 'starting'}")

    def _show_retry(self, row: AnalysisRow, zone: ZoneInfo, open_providers: Container[str]) -> None:
        instant = due(row, open_providers)
        waits = retry_words(row) if instant else f"{retry_words(row)} {waits_for(row, zone, open_providers)}"
        shown = (waits, instant) if row.retrying else None
        if shown == self._retry_shown:
            return
        self._retry_shown = shown
        self._retry.clear()
        if row.retrying:
            with self._retry:
                ui.label(waits)
                if instant is not None:
                    ui.element("span").props(f"data-due={instant}")

    def set_busy(self, event: Event, busy: bool) -> None:
        """Show that a verb is under way."""
        button = self._buttons[event]
        button.set_enabled(not busy)
        button.props(add="loading" if busy else "", remove="" if busy else "loading")


def _verb(event: Event, word: str, icon: str, hint: str, verb: Verb) -> ui.button:
    button = ui.button(word, icon=icon, on_click=verb, color=None).props("flat dense no-caps").mark(event.value)
    button.props["aria-label"] = hint if event is Event.RERUN else word
    if event is Event.RERUN:
        button.classes("ba2-rerun")
    with button:
        ui.tooltip(hint)
    return button


def attempt_words(row: AnalysisRow) -> str:
    """Say which attempt this is and how many re-runs were used; nothing for a first run."""
    if row.reruns_used:
        return f"re-run {row.reruns_used}/{row.max_reruns}, attempt {row.attempt}"
    return f"attempt {row.attempt}" if row.attempt > 1 else ""


def show_facts(panel: Panel, reading: Reading, zone: ZoneInfo) -> None:
    """Show what was asked for, when, how long it took and what all its attempts cost."""
    row, as_of, revision = reading.row, reading.as_of, reading.present.config_revision
    asked_models = [attempt for attempt in reading.attempts if attempt.calls]
    cost = sum((attempt.cost or Decimal(0) for attempt in asked_models), Decimal(0))
    unsure = any(attempt.at_least for attempt in asked_models)
    asked = "latest" if row.as_of is None else "fixed"
    items = (
        Fact("Type", words.SUBTYPE[row.subtype], f"/marketanalysis?type={row.subtype.value}"),
        Fact("Source", row.source.value, f"/marketanalysis?source={row.source.value}"),
        Fact("Batch", str(row.batch_id), f"/batches/{row.batch_id}") if row.batch_id else None,
        Fact("As of", f"{exact(as_of, zone)} ({asked})" if as_of else "latest, when it starts"),
        Fact("Created", moment(row.created_at, zone), hint=exact(row.created_at, zone)),
        Fact("Started", moment(row.started_at, zone), hint=exact(row.started_at, zone)),
        Fact("Finished", moment(row.finished_at, zone), hint=exact(row.finished_at, zone)),
        Fact("Duration", duration(row.duration_ms)),
        Fact("Priority", str(row.priority)),
        Fact("Cost", money(cost, at_least=unsure), hint="Of all its attempts") if asked_models else None,
        Fact("Settings", DASH if revision is None else f"revision {revision}"),
    )
    panel.show(items, facts)
