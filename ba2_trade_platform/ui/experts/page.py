"""Experts page: the configured experts with their failures, and the queue's switches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from nicegui import ui

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.experts.instances import Instance
from ba2_trade_platform.core.monitoring.job_list import BOUND
from ba2_trade_platform.ui.experts.dialog import ExpertDialog, read_choices
from ba2_trade_platform.ui.experts.queue_card import QueueCard
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import carry_out, confirm, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import KeyedList, Panel, empty_state, icon_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, switch_cell, text_cell
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

    async def build(self) -> None:
        """Build everything and show it."""
        with ui.element("div").classes("ba2-scroll ba2-stack") as self._root:
            queue = QueueCard(self._desk)
            panel = Panel("Experts")
            with panel.head:
                ui.space()
                add = ui.button("Add an expert", icon="add", on_click=partial(self._open, None), color=None)
                add.props("outline dense no-caps").mark("add-expert")
            with panel.element:
                with ui.element("div") as self._table, plain_table("Experts", HEADERS, right=RIGHT):
                    self._rows: KeyedList[int, ExpertRow] = KeyedList(self._line, tag="tbody", entry_tag="tr")
                self._empty = empty_state(
                    "psychology", "No experts yet", "An expert analyses symbols. Add one here, then run it by hand."
                )
        topics = (Topic.EXPERTS, Topic.MODELS, Topic.QUEUE, Topic.SCHEDULES)
        self._look = await self._desk.live.follow(self._read, self._show, *topics)
        await queue.follow()
        ui.timer(0, self._open_asked, once=True)

    async def _open_asked(self) -> None:
        """Open the dialog of the expert that the address names, as a failure's link does."""
        asked = ui.context.client.request.query_params.get("edit", "")
        for row in self._shown:
            if str(row.instance.id) == asked:
                await self._open(row.instance)

    def _read(self) -> list[ExpertRow]:
        jobs = self._desk.platform.monitoring.jobs
        return [
            ExpertRow(instance, jobs.count(Filter(status=(Status.FAILED,), expert=instance.id)))
            for instance in self._desk.platform.experts.list()
        ]

    def _show(self, rows: list[ExpertRow]) -> None:
        self._shown = rows
        self._rows.show({row.instance.id: row for row in rows})
        self._table.set_visibility(bool(rows))
        self._empty.set_visibility(not rows)

    def _line(self, row: ExpertRow) -> None:
        instance, name, number = row.instance, row.instance.alias, row.instance.id
        text_cell(name, url=f"/marketanalysis?expert={number}", classes="ba2-wrap")
        with cell(), ui.row().classes("no-wrap").style("gap: 2px"):
            icon_button("edit", f"Change {name}", partial(self._open, instance)).mark(f"edit-{number}")
            icon_button("archive", f"Archive {name}", partial(self._ask_archive, instance)).mark(f"archive-{number}")
        switch_cell(f"{name} is enabled", instance.enabled, f"enabled-{number}", partial(self._enable, instance))
        text_cell(instance.expert)
        failed = f"{BOUND:,}+" if row.failed > BOUND else f"{row.failed:,}"
        url = f"/marketanalysis?expert={number}&status=failed" if row.failed else None
        text_cell(failed, url=url, classes="ba2-right")
        text_cell("; ".join(need.sentence for need in instance.unmet) or DASH, classes="ba2-wrap")
        text_cell(str(instance.max_concurrent), classes="ba2-right")
        text_cell(f"{instance.timeout_seconds:g} s", classes="ba2-right")
        text_cell(str(instance.max_reruns), classes="ba2-right")
        text_cell(DASH if instance.revision is None else f"revision {instance.revision}")

    async def _open(self, instance: Instance | None) -> None:
        with self._root, reporting():
            choices = await off_loop(read_choices, self._desk.platform)
            ExpertDialog(self._desk, choices, instance, self._look)

    async def _enable(self, instance: Instance, enabled: bool) -> None:
        update = partial(self._desk.platform.experts.update, instance.id, by=self._desk.trader, enabled=enabled)
        then = "enabled" if enabled else "disabled: its waiting analyses will fail"
        with self._root:
            await carry_out(update, f"{instance.alias} {then}")
            self._rows.forget(instance.id)
            await self._look()

    async def _ask_archive(self, instance: Instance) -> None:
        archive = partial(self._desk.platform.experts.archive, instance.id, by=self._desk.trader)
        with self._root:
            await confirm(
                f"Archive {instance.alias}?",
                "It is taken out of use and its waiting analyses fail. What it did stays, and its alias is free again.",
                "Archive",
                partial(carry_out, archive, f"{instance.alias} archived", self._look),
            )
