"""Alert banner: stays on every page until alerts and bad runs are acknowledged."""

from __future__ import annotations

from nicegui import ui

from ba2_trade_platform.core.notifications.alerts import Alert, Unacknowledged
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import show_if

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
        self._more.set_text(f"and {alerts.count - 1:,} more")
        many = f"{unacknowledged_runs:,} runs of schedules need a look"
        self._runs.set_text("1 run of a schedule needs a look" if unacknowledged_runs == 1 else many)
        show_if(self._line, alerts.count + unacknowledged_runs > 0)
        show_if(self._sentence, alerts.count > 0)
        show_if(self._more, alerts.count > 1)
        show_if(self._runs, unacknowledged_runs > 0)
        show_if(self._acknowledge, alerts.count > 0)

    async def _seen(self) -> None:
        if self._alert is not None:
            with reporting():
                acknowledge = self._desk.platform.notifications.alerts.acknowledge
                await off_loop(acknowledge, [self._alert.id], by=self._desk.trader)
                notify("Acknowledged; Alerts keeps it")
