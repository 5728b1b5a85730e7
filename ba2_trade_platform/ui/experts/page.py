"""Experts page: the configured experts with their failures, and the queue's switches."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from nicegui import ui

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import ANYTHING, Change, Topic
from ba2_trade_platform.core.experts.instances import Instance
from ba2_trade_platform.core.monitoring.job_list import BOUND
from ba2_trade_platform.ui.experts.dialog import ExpertDialog
from ba2_trade_platform.ui.experts.queue_card import QueueCard
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import KeyedList, Panel, empty_state, icon_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH
from ba2_trade_platform.ui.shell.layout import frame
from ba2_trade_platform.vocabulary import Status

HEADERS = (
    "Alias", "Actions", "Enabled", "Expert", "Failed", "What is missing", "At once", "Time limit", "Re-runs",
    "Settings",
)  # fmt: skip
RIGHT = frozenset({"Failed", "At once", "Time limit", "Re-runs"})


@dataclass(frozen=True)
class ExpertRow:
    """One line: the configured expert and how many of its analyses are failed now."""

    instance: Instance
    failed: int


async def experts_page(desk: Desk) -> None:
    """Build the page."""
    async with frame(desk, "Experts", "experts"):
        await ExpertsPage(desk).build()


class ExpertsPage:
    """The table, its dialog, and the queue card; kept true by the feed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shown: list[ExpertRow] = []
        self._lock = asyncio.Lock()

    async def build(self) -> None:
        """Build everything and show it."""
        with ui.element("div").classes("ba2-scroll ba2-stack") as self._root:
            self._queue = QueueCard(self._desk)
            panel = Panel("Experts")
            with panel.head:
                ui.space()
                ui.button("Add an expert", icon="add", on_click=self._add, color=None).props(
                    "outline dense no-caps"
                ).mark("add-expert")
            with panel.element:
                with ui.element("div") as self._table, plain_table("Experts", HEADERS, right=RIGHT):
                    self._rows: KeyedList[int, ExpertRow] = KeyedList(self._line, tag="tbody", entry_tag="tr")
                self._empty = empty_state(
                    "psychology", "No experts yet", "An expert analyses symbols. Add one here, then run it by hand."
                )
        # Before the first look, so that no change falls between the two.
        self._desk.live.watch(self.refresh, Topic.EXPERTS, Topic.MODELS, Topic.QUEUE, Topic.SCHEDULES)
        await self.refresh(ANYTHING)
        ui.timer(0, self._open_asked, once=True)

    async def _open_asked(self) -> None:
        """Open the dialog of the expert that the address names, as a failure's link does."""
        asked = ui.context.client.request.query_params.get("edit", "")
        for row in self._shown:
            if str(row.instance.id) == asked:
                await self._open_dialog(row.instance)

    async def refresh(self, _: Change) -> None:
        """Show the experts and the queue as they stand."""
        with reporting():
            async with self._lock:
                rows = await off_loop(self._read)
                if self._root.is_deleted:
                    return
                self._shown = rows
                self._rows.show({row.instance.id: row for row in rows})
                self._table.set_visibility(bool(rows))
                self._empty.set_visibility(not rows)
                await self._queue.refresh()

    def _read(self) -> list[ExpertRow]:
        jobs = self._desk.platform.monitoring.jobs
        return [
            ExpertRow(instance, jobs.count(Filter(status=(Status.FAILED,), expert=instance.id)))
            for instance in self._desk.platform.experts.list()
        ]

    def _line(self, row: ExpertRow) -> None:
        instance = row.instance
        text_cell(instance.alias, url=f"/marketanalysis?expert={instance.id}", classes="ba2-wrap")
        with cell(), ui.row().classes("no-wrap").style("gap: 2px"):
            icon_button("edit", f"Change {instance.alias}", lambda: self._edit(instance)).mark(f"edit-{instance.id}")
            icon_button("archive", f"Archive {instance.alias}", lambda: self._ask_archive(instance)).mark(
                f"archive-{instance.id}"
            )
        with cell():
            switch = ui.switch(value=instance.enabled, on_change=lambda event: self._enable(instance, event.value))
            switch.props("dense").mark(f"enabled-{instance.id}").props["aria-label"] = f"{instance.alias} is enabled"
        text_cell(instance.expert)
        failed = f"{BOUND:,}+" if row.failed > BOUND else f"{row.failed:,}"
        text_cell(
            failed,
            url=f"/marketanalysis?expert={instance.id}&status=failed" if row.failed else None,
            classes="ba2-right",
        )
        text_cell("; ".join(need.sentence for need in instance.unmet) or DASH, classes="ba2-wrap")
        text_cell(str(instance.max_concurrent), classes="ba2-right")
        text_cell(f"{instance.timeout_seconds:g} s", classes="ba2-right")
        text_cell(str(instance.max_reruns), classes="ba2-right")
        text_cell(DASH if instance.revision is None else f"revision {instance.revision}")

    # Rows are built anew while their handlers wait, so every handler works in the page's own slot.

    async def _add(self) -> None:
        await self._open_dialog(None)

    async def _edit(self, instance: Instance) -> None:
        await self._open_dialog(instance)

    async def _open_dialog(self, instance: Instance | None) -> None:
        async def saved() -> None:
            await self.refresh(ANYTHING)

        with self._root, reporting():
            experts = await off_loop(self._desk.platform.experts.experts)
            ExpertDialog(self._desk, experts, instance, saved)

    async def _enable(self, instance: Instance, enabled: bool) -> None:
        with self._root:
            with reporting():
                await off_loop(self._desk.platform.experts.update, instance.id, by=self._desk.trader, enabled=enabled)
                notify(f"{instance.alias} {'enabled' if enabled else 'disabled: its waiting analyses will fail'}")
            self._rows.forget(instance.id)
            await self.refresh(ANYTHING)

    async def _ask_archive(self, instance: Instance) -> None:
        async def archive() -> None:
            with reporting():
                await off_loop(self._desk.platform.experts.archive, instance.id, by=self._desk.trader)
                notify(f"{instance.alias} archived")
            await self.refresh(ANYTHING)

        with self._root:
            await confirm(
                f"Archive {instance.alias}?",
                "It is taken out of use and its waiting analyses fail. What it did stays, and its alias is free again.",
                "Archive",
                archive,
            )
