"""Run page: one run of a schedule with planned time, start, outcome and reason."""

from __future__ import annotations

from nicegui import ui

from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.schedules.run_records import RunInfo
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop
from ba2_trade_platform.ui.kit.panels import Fact, Panel, chip, empty_state, facts, small_button
from ba2_trade_platform.ui.kit.times import DASH, exact
from ba2_trade_platform.ui.kit.urls import whole_number
from ba2_trade_platform.ui.schedules.runs import TOPICS, acknowledge, acknowledged, items_url, lateness
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
    async with frame(desk, f"Run {run_id[:16]}", "schedules", "ba2-scroll ba2-stack") as root:
        try:
            run = await off_loop(desk.platform.schedules.runs.get, whole_number(run_id) or 0)
        except NotFound:
            empty_state(
                "event_busy",
                f"There is no run {run_id[:16]}",
                "Every planned time of a schedule leaves a row in Expected against done.",
                links=(("Expected against done", "/schedules?tab=runs"),),
            )
            return
        await RunPage(desk, run, root).build()


class RunPage:
    """One run, kept true by the feed."""

    def __init__(self, desk: Desk, run: RunInfo, root: ui.element) -> None:
        self._desk, self._run, self._root = desk, run, root

    async def build(self) -> None:
        """Build the panel and show it."""
        self._panel = Panel(f"Run {self._run.id}")
        with self._panel.head:
            ui.space()
            self._seen = small_button("Acknowledge", "done", self._ask).mark("acknowledge-run")
        await self._desk.live.follow(self._read, self._show, *TOPICS)

    def _read(self) -> RunInfo:
        return self._desk.platform.schedules.runs.get(self._run.id)

    def _show(self, run: RunInfo) -> None:
        self._run = run
        self._seen.set_visibility(run.needs_ack)
        self._panel.show(run, self._show_run)

    def _show_run(self, run: RunInfo) -> None:
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
        with self._root:
            await acknowledge(self._desk, (self._run,))
