"""Memory panel: status of the vector store, its last error, and a rebuild's progress."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.memory.service import MemoryStatus
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import carry_out, confirm
from ba2_trade_platform.ui.kit.panels import Fact, Panel, facts, quiet, small_button
from ba2_trade_platform.ui.kit.times import DASH

LOOK_SECONDS = 1.0


class MemoryPanel:
    """Shows the status of the memory and has it rebuilt; looks every second, sends only what changed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._panel = Panel("Memory", anchor="memory")
        with self._panel.head:
            ui.space()
            self._learn = small_button("Look for outcomes now", "event_available", self._learn_now).mark("learn")
            self._rebuild = small_button("Rebuild", "construction", self._ask).mark("rebuild")

    async def follow(self) -> None:
        """Show the status, now, every second, and when lessons change."""
        self._look = await self._desk.live.follow(self._desk.platform.memory.status, self._show, Topic.LESSONS)
        ui.timer(LOOK_SECONDS, self._look, immediate=False)

    def _show(self, status: MemoryStatus) -> None:
        self._learn.set_enabled(status.enabled)
        self._rebuild.set_enabled(status.enabled and not status.rebuilding)
        self._panel.show(status, self._show_status)

    def _show_status(self, status: MemoryStatus) -> None:
        if not status.enabled:
            quiet(f"{status.sentence}. What was learnt before can still be read.").mark("memory-status")
            return
        if status.problem and not status.rebuilding:
            with ui.element("div").classes("ba2-inline").props("role=alert"):
                ui.icon("warning", size="18px").classes("tone-bad").props("aria-hidden=true")
                ui.label(status.sentence).mark("memory-status")
        else:
            quiet(status.sentence).mark("memory-status")
        if status.rebuilding:
            _progress(status.done, status.total)
        facts(
            (
                Fact("Compared by", status.embedder, hint="BA2_MEMORY_EMBEDDER"),
                Fact("Lessons", f"{status.lessons:,}", hint="In the database, which is the truth"),
                Fact("In the store", DASH if status.stored is None else f"{status.stored:,}", hint="Found by likeness"),
            )
        )

    async def _learn_now(self) -> None:
        await carry_out(self._desk.platform.memory.learn, lambda learnt: learnt.sentence, self._look)

    async def _ask(self) -> None:
        rebuild = partial(self._desk.platform.memory.rebuild, by=self._desk.trader)
        with self._panel.element:
            await confirm(
                "Rebuild the memory's store?",
                "It is made anew from the lessons in the database; a store in trouble is moved aside and kept. "
                "Analyses go on, and recall what is in by then.",
                "Rebuild",
                partial(carry_out, rebuild, lambda status: status.sentence, self._look),
            )


def _progress(done: int, total: int) -> None:
    share = 100 * done / total if total else 100
    with ui.element("span").classes("ba2-bulk-bar").props("role=progressbar aria-valuemin=0 aria-valuemax=100") as bar:
        bar.props["aria-valuenow"] = str(int(share))
        bar.props["aria-label"] = f"{done} of {total} lessons are in"
        ui.element("span").classes("fill-good").style(f"width: {share:.2f}%")
    ui.label(f"{done:,} of {total:,}").classes("ba2-muted")
