"""Alert banner: stays on every page until alerts and bad runs are acknowledged."""

from __future__ import annotations

from nicegui import ui

from ba2_trade_platform.core.notifications.alerts import Alert, Unacknowledged
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting

RUNS_URL = "/schedules?tab=runs&unseen=1"


class AlertBanner:
    """One line: what happened last, how much more there is, and Acknowledge."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._alert: Alert | None = None
        with ui.element("div").classes("ba2-banner ba2-alert-banner warn ba2-gone").props("role=alert") as self._line:
            ui.icon("notification_important", size="18px")
            self._sentence = ui.link("", "/alerts").classes("ba2-banner-text").mark("alert-sentence")
            self._more = ui.link("", "/alerts").classes("ba2-link ba2-nowrap").mark("alert-more")
            self._runs = ui.link("", RUNS_URL).classes("ba2-link ba2-nowrap").mark("unseen-runs")
            ui.space()
            self._acknowledge = ui.button("Acknowledge", color=None, on_click=self._seen)
            self._acknowledge.props("flat dense no-caps size=sm").classes("ba2-link ba2-nowrap")
            self._acknowledge.mark("acknowledge-alert")

    def show(self, alerts: Unacknowledged, unacknowledged_runs: int) -> None:
        """Show these, or nothing when there is nothing."""
        self._alert = alerts.newest
        if alerts.newest is not None:
            over = " (no longer so)" if alerts.newest.ended_at else ""
            self._sentence.set_text(f"{alerts.newest.sentence}{over}")
            self._sentence.props["href"] = alerts.newest.link or "/alerts"
            self._sentence.update()
        more = alerts.count - 1
        self._more.set_text(f"and {more:,} more")
        number = (
            "1 run of a schedule needs"
            if unacknowledged_runs == 1
            else f"{unacknowledged_runs:,} runs of schedules need"
        )
        self._runs.set_text(f"{number} a look")
        for element, shown in (
            (self._line, bool(alerts.count or unacknowledged_runs)),
            (self._sentence, bool(alerts.count)),
            (self._more, more > 0),
            (self._runs, unacknowledged_runs > 0),
            (self._acknowledge, bool(alerts.count)),
        ):
            element.classes(add="" if shown else "ba2-gone", remove="ba2-gone" if shown else "")

    async def _seen(self) -> None:
        if self._alert is None:
            return
        with reporting():
            await off_loop(self._desk.platform.notifications.alerts.acknowledge, [self._alert.id], by=self._desk.trader)
            notify("Acknowledged; Alerts keeps it")
