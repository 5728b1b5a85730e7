"""Alerts page: lists the unacknowledged alerts or all of them, and acknowledges them with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from nicegui import ui
from starlette.requests import Request

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.notifications.alerts import Alert
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import ask_reason, carry_out
from ba2_trade_platform.ui.kit.panels import Panel, chip, empty_state, icon_button, small_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH, exact, moment
from ba2_trade_platform.ui.kit.urls import whole_number
from ba2_trade_platform.ui.kit.words import Look
from ba2_trade_platform.ui.shell.alert_banner import RUNS_URL
from ba2_trade_platform.ui.shell.layout import frame

HEADERS = ("", "State", "What", "First", "Last", "Told", "Acknowledged", "Why")
WAITING = Look("to acknowledge", "notification_important", "bad")
OVER = Look("over, to acknowledge", "notifications_none", "warn")
SEEN = Look("acknowledged", "task_alt", "quiet")


async def alerts_page(desk: Desk, request: Request) -> None:
    """Build the list that the address asks for; it follows changes."""
    async with frame(desk, "Alerts", "schedules"):
        await AlertsPage(desk, request.query_params).build()


class AlertsPage:
    """Alerts that wait, or all of them with `all=1`."""

    def __init__(self, desk: Desk, query: Mapping[str, str]) -> None:
        self._desk = desk
        self._all = query.get("all") == "1"
        self._cursor = whole_number(query.get("after"))
        self._shown: Sequence[Alert] = ()

    async def build(self) -> None:
        """Build the bar and the list."""
        with ui.element("div").classes("ba2-bar"), ui.element("nav").classes("ba2-windows").props("aria-label=Alerts"):
            for words, url, chosen in (("Waiting", "/alerts", not self._all), ("All", "/alerts?all=1", self._all)):
                link = ui.link(words, url)
                if chosen:
                    link.classes("active").props("aria-current=true")
        with ui.element("div").classes("ba2-scroll ba2-stack") as self._root:
            self._list = Panel("Alerts")
            with self._list.head:
                ui.space()
                self._all_seen = small_button("Acknowledge all", "done_all", self._ask_all).mark("acknowledge-all")
                self._all_seen.set_visibility(False)
        await self._desk.live.follow(self._read, self._show, Topic.ALERTS)

    def _read(self) -> Page[Alert]:
        acknowledged = None if self._all else False
        return self._desk.platform.notifications.alerts.history(acknowledged, self._cursor, 100)

    def _show(self, page: Page[Alert]) -> None:
        self._shown = [alert for alert in page.items if alert.acknowledged_at is None]
        self._all_seen.set_visibility(bool(self._shown))
        self._list.show(page, self._show_page)

    def _show_page(self, page: Page[Alert]) -> None:
        if not page.items:
            empty_state(
                "notifications_none",
                "No alerts" if self._all else "No alert waits for you",
                "An alert is raised when something needs a person: analyses that wait for an hour, "
                "a scheduler that stood still, a backup that failed. It stays on every page until somebody "
                "acknowledges it. Runs that went badly are counted beside it and have a list of their own.",
                links=(("Schedules", "/schedules"),)
                if self._all
                else (("All alerts", "/alerts?all=1"), ("Runs to look at", RUNS_URL)),
            )
            return
        with plain_table("Alerts", HEADERS, right=frozenset({"Told"})), ui.element("tbody"):
            for alert in page.items:
                with ui.element("tr"):
                    self._cells(alert)
        if page.next_cursor is not None:
            every = "all=1&" if self._all else ""
            ui.link("Older ones", f"/alerts?{every}after={page.next_cursor}").classes("ba2-link")

    def _cells(self, alert: Alert) -> None:
        zone, waits = self._desk.zone, alert.acknowledged_at is None
        with cell():
            if waits:
                icon_button("done", "Acknowledge", partial(self._ask, [alert])).mark(f"acknowledge-{alert.id}")
        with cell():
            chip(SEEN if not waits else OVER if alert.ended_at else WAITING)
        text_cell(alert.sentence, url=alert.link, classes="ba2-wrap ba2-sentences")
        for instant in (alert.first_at, alert.last_at):
            with cell():
                ui.label(moment(instant, zone)).props["title"] = exact(instant, zone)
        text_cell(f"{alert.seen:,}", classes="ba2-right")
        text_cell(DASH if waits else f"{alert.acknowledged_by}, {moment(alert.acknowledged_at, zone)}")
        text_cell(alert.acknowledge_reason or DASH, classes="ba2-wrap")

    async def _ask_all(self) -> None:
        if self._shown:  # somebody else may have been quicker
            await self._ask(self._shown)

    async def _ask(self, alerts: Sequence[Alert]) -> None:
        what = alerts[0].sentence if len(alerts) == 1 else f"{len(alerts)} alerts"
        with self._root:
            reason = await ask_reason("Acknowledge?", f"{what}. It is taken off every page and kept here.")
            if reason is not None:
                ids, service = [alert.id for alert in alerts], self._desk.platform.notifications.alerts
                acknowledge = partial(service.acknowledge, ids, by=self._desk.trader, reason=reason)
                await carry_out(acknowledge, "Acknowledged" if len(ids) == 1 else f"{len(ids)} alerts acknowledged")
