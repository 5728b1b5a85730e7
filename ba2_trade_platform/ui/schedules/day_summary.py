"""Day summary panel: today and yesterday as planned, done, late, failed and missed, each a link."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from ba2_trade_platform.core.schedules.run_records import DaySummary
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Panel
from ba2_trade_platform.ui.kit.plain_table import plain_table, text_cell
from ba2_trade_platform.ui.schedules.runs import TOPICS

COLUMNS = (
    ("planned", "Planned", None),
    ("done", "Done", "done"),
    ("late", "Late", "late"),
    ("partly_failed", "Partly failed", "partly_failed"),
    ("failed", "Failed", "failed"),
    ("missed", "Missed", "missed"),
    ("skipped", "Skipped", "skipped"),
    ("running", "Running", "running"),
    ("ahead", "To come", None),
)
BAD = ("partly_failed", "failed", "missed")


class DayPanel:
    """The daily summary, kept true by the feed, and when it is sent."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def build(self) -> None:
        """Build the panel and show it."""
        panel = Panel("Daily summary")
        with reporting():
            due = await off_loop(self._desk.platform.schedules.daily_summary.time)
            with panel.head:
                ui.space()
                field = ui.input("Sent at", value=due, on_change=self._set_time)
                field.props('dense outlined type=time debounce=600 aria-label="When it is sent"')
                with field.classes("ba2-time-field").mark("summary-time"):
                    ui.tooltip(
                        f"Sent at this time in {self._desk.platform.settings.zone.key} to every channel that wants "
                        "the daily summary; Notifications has the rules"
                    )
        await self._desk.live.follow(self._read, lambda days: panel.show(days, _show_days), *TOPICS)

    def _read(self) -> tuple[DaySummary, DaySummary]:
        today = datetime.now(UTC).astimezone(self._desk.platform.settings.zone).date()
        runs = self._desk.platform.schedules.runs
        return runs.day_summary(today), runs.day_summary(today - timedelta(days=1))

    async def _set_time(self, event: ValueChangeEventArguments[str | None]) -> None:
        summary = self._desk.platform.schedules.daily_summary
        with reporting():
            if event.value and event.value[:5] != await off_loop(summary.time):
                due = await off_loop(summary.set_time, event.value[:5], by=self._desk.trader)
                notify(f"The daily summary is sent at {due}")


def _show_days(days: tuple[DaySummary, DaySummary]) -> None:
    headers = ("Day", *(header for _, header, _ in COLUMNS))
    with plain_table("Daily summary", headers, right=frozenset(headers[1:])), ui.element("tbody"):
        for word, summary in zip(("Today", "Yesterday"), days, strict=True):
            with ui.element("tr"):
                url = f"/schedules?tab=runs&day={summary.day}"
                text_cell(f"{word}, {summary.day:%a %d %b}", url=url)
                for name, _, state in COLUMNS:
                    number = getattr(summary, name)
                    link = f"/schedules?tab=week&week={summary.day}" if name == "ahead" else url
                    link += f"&state={state}" if state else ""
                    bad = " ba2-bad-number" if number and name in BAD else ""
                    text_cell(f"{number:,}", url=link if number else None, classes=f"ba2-right{bad}")
