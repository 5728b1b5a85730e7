"""Run page: one run of a schedule with planned time, start, outcome and reason."""

from __future__ import annotations

import asyncio

from nicegui import ui

from ba2_trade_platform.core.base.change_feed import ANYTHING, Change, Topic
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.schedules.run_records import RunInfo
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Fact, Panel, chip, empty_state, facts
from ba2_trade_platform.ui.kit.times import DASH, exact
from ba2_trade_platform.ui.schedules.runs import acknowledge, acknowledged, items_url, lateness
from ba2_trade_platform.ui.shell.layout import frame

COUNTS = (
    ("total", "analyses", None),
    ("queued", "to go", "queued"),
    ("succeeded", "succeeded", "succeeded"),
    ("failed", "failed", "failed"),
    ("skipped", "skipped", "skipped"),
    ("blocked", "not possible", "blocked"),
    ("duplicate", "already under way", "duplicate"),
)


async def run_page(desk: Desk, run_id: str) -> None:
    """Build the page of one run; it follows changes."""
    number = int(run_id) if run_id.isascii() and run_id.isdigit() and len(run_id) < 16 else 0
    async with frame(desk, f"Run {run_id[:16]}", "schedules", "ba2-scroll ba2-stack") as root:
        try:
            await off_loop(desk.platform.schedules.runs.get, number)
        except NotFound:
            empty_state(
                "event_busy",
                f"There is no run {run_id[:16]}",
                "Every planned time of a schedule leaves a row in Expected against done.",
                links=(("Expected against done", "/schedules?tab=runs"),),
            )
            return
        await RunPage(desk, number, root).build()


class RunPage:
    """One run, kept true by the feed."""

    def __init__(self, desk: Desk, run_id: int, root: ui.element) -> None:
        self._desk, self._id, self._root = desk, run_id, root
        self._lock = asyncio.Lock()
        self._run: RunInfo | None = None

    async def build(self) -> None:
        """Build the panel and show it."""
        self._panel = Panel(f"Run {self._id}")
        with self._panel.head:
            ui.space()
            self._seen = ui.button("Acknowledge", icon="done", color=None, on_click=self._ask)
            self._seen.props("outline dense no-caps size=sm").mark("acknowledge-run")
        # Before the first look, so that no change falls between the two.
        self._desk.live.watch(
            self.refresh, Topic.SCHEDULES, Topic.ANALYSES, Topic.BATCHES, Topic.EXPERTS, Topic.WATCHLISTS
        )
        await self.refresh(ANYTHING)

    async def refresh(self, _: Change) -> None:
        """Show it as it stands."""
        with reporting():
            async with self._lock:
                self._run = await off_loop(self._desk.platform.schedules.runs.get, self._id)
                if not self._root.is_deleted:
                    self._seen.set_visibility(self._run.needs_ack)
                    self._panel.show(self._run, self._show)

    def _show(self, run: RunInfo) -> None:
        zone = self._desk.zone
        with ui.element("div").classes("ba2-inline"):
            chip(words.RUN_STATE[run.state.value])
            ui.link(run.schedule, f"/schedules?tab=runs&schedule={run.schedule_id}").classes("ba2-link")
            ui.label(f"{run.planned_at.astimezone(zone):%a %d %b %Y %H:%M}")
        if run.reason:
            ui.label(run.reason).classes("ba2-run-reason")
        with ui.element("div").classes("ba2-counts ba2-wrap").props('role=navigation aria-label="Analyses by outcome"'):
            for name, word, outcome in COUNTS:
                count = getattr(run.items, name)
                if name == "total" or count:
                    with ui.link(target=items_url(run, outcome) or "/marketanalysis").classes("ba2-count") as link:
                        link.props["data-run"] = name
                        ui.label(f"{count:,}").classes("ba2-number")
                        ui.label(word)
        batch = DASH if run.batch_id is None else f"#{run.batch_id}"
        facts(
            [
                Fact("Planned", exact(run.planned_at, zone)),
                Fact("Began", exact(run.started_at, zone)),
                Fact("Late by", lateness(run)),
                Fact("Ended", exact(run.finished_at, zone)),
                Fact("Because", words.RUN_TRIGGER[run.trigger.value]),
                Fact("Asked by", run.actor),
                Fact("Batch", batch, None if run.batch_id is None else f"/batches/{run.batch_id}"),
                Fact("Acknowledged", acknowledged(run) or DASH, hint=exact(run.acknowledged_at, zone)),
            ],
            flowing=True,
        )

    async def _ask(self) -> None:
        if self._run is not None:
            with self._root:
                await acknowledge(self._desk, (self._run,))
