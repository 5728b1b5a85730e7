"""Health page: health items, dead man's switch, backups and price files; all open pages share one reading."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from nicegui import ui

from ba2_trade_platform.core.base.change_feed import ANYTHING, Change, Topic
from ba2_trade_platform.core.operations.health_report import Group, Item, Report, State
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Fact, KeyedList, Panel, chip, copy, facts, follow_anchor
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.operations.backups import BackupPanel
from ba2_trade_platform.ui.operations.dead_man_switch import DeadManSwitchPanel
from ba2_trade_platform.ui.operations.price_files import PriceFilePanel
from ba2_trade_platform.ui.shell.layout import frame

LOOK_SECONDS = 5.0
COLUMNS = ((Group.WORK, Group.STORAGE), (Group.CLOCKS, Group.OUTSIDE, Group.MACHINE))
HEADERS = ("What", "State", "Value", "In words")


async def health_page(desk: Desk) -> None:
    """Build the page."""
    async with frame(desk, "Health", "health"):
        await HealthPage(desk).build()


class HealthPage:
    """Shows the newest report; looks every five seconds, and all open pages share one reading."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = asyncio.Lock()
        self._report: Report | None = None
        self._rows: dict[Group, KeyedList[str, Item]] = {}

    async def build(self) -> None:
        """Build everything and show it."""
        with ui.element("div").classes("ba2-bar"):
            self._overall = ui.element("div").props("role=status").mark("health-state")
            ui.space()
            button = ui.button("Copy as text", icon="content_copy", color=None, on_click=self._copy)
            button.props("outline dense no-caps size=sm").mark("copy-health")
        with ui.element("div").classes("ba2-scroll ba2-stack") as self._root:
            with ui.element("div").classes("ba2-grid ba2-health"):
                for side in COLUMNS:
                    with ui.element("div").classes("ba2-stack"):
                        for group in side:
                            with Panel(group.value).body, plain_table(group.value, HEADERS):
                                self._rows[group] = KeyedList(self._line, tag="tbody", entry_tag="tr")
                        if side is COLUMNS[-1]:
                            self._versions = Panel("Versions")
            self._dead_man_switch = DeadManSwitchPanel(self._desk)
            self._backups = BackupPanel(self._desk)
            self._price_files = PriceFilePanel(self._desk)
        self._desk.live.watch(
            self.refresh, Topic.OPERATIONS, Topic.QUEUE, Topic.BREAKERS, Topic.SCHEDULES, Topic.NOTIFICATIONS
        )
        ui.timer(LOOK_SECONDS, self.refresh, immediate=False)
        await self.refresh()
        follow_anchor()

    async def refresh(self, _: Change = ANYTHING) -> None:
        """Show how everything stands."""
        with reporting():
            async with self._lock:
                report = await off_loop(self._desk.platform.operations.health.read)
                if self._root.is_deleted:
                    return
                self._show(report)
            await self._dead_man_switch.refresh()
            await self._backups.refresh()
            await self._price_files.refresh()

    def _show(self, report: Report) -> None:
        if self._report is None or self._report.sentence != report.sentence:
            self._overall.clear()
            with self._overall:
                chip(words.HEALTH[report.state]._replace(word=report.sentence))
        self._report = report
        for group, rows in self._rows.items():
            # A number that a person does not see is no reason to build its row anew.
            rows.show({each.key: replace(each, number=None) for each in report.items if each.group is group})
        self._versions.show(report.versions, lambda known: facts([Fact(*pair) for pair in known.items()]))

    def _line(self, item: Item) -> None:
        look = words.HEALTH[item.state]
        text_cell(item.label)
        with cell():
            chip(look)
        text_cell(item.value, url=item.link)
        text_cell(item.sentence, classes="ba2-wrap" if item.state is State.OK else f"ba2-wrap tone-{look.tone}")

    def _copy(self) -> None:
        if self._report is not None:
            copy(self._report.text, "Copied: states, numbers and versions, no names of folders and no secrets")
