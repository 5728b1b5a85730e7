"""Queue card: shows and changes the number of slots and the pause."""

from __future__ import annotations

from nicegui import ui

from ba2_trade_platform.core.analyses.queue_service import MAX_SLOTS, QueueState
from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.drafts import Draft
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.form_dialog import number_field
from ba2_trade_platform.ui.kit.panels import Panel
from ba2_trade_platform.ui.kit.times import exact


class QueueCard:
    """Shows and changes the queue's switches; what is being typed stays."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._slots_shown: int | None = None
        self._panel = Panel("Queue", anchor="queue")
        with self._panel.element, ui.element("div").classes("ba2-inline") as form:
            self._slots = number_field("Slots", None, 1, MAX_SLOTS).props("outlined dense step=1").mark("slots")
            self._slots.style("width: 110px").on("keydown.enter", self._set_slots)
            button = ui.button("Set", on_click=self._set_slots, color=None).mark("set-slots")
            button.props('outline dense no-caps aria-label="Set the number of slots"')
            self._reason = ui.input("Reason for a pause").props("outlined dense maxlength=200").mark("pause-reason")
            self._pause = ui.button("Pause", icon="pause", on_click=self._toggle, color=None)
            self._pause.props("outline dense no-caps").mark("pause")
            self._draft = Draft(form, "Queue")

    async def follow(self) -> None:
        """Show the switches as they stand, now and when they change."""
        self._look = await self._desk.live.follow(self._desk.platform.queue.state, self._show, Topic.QUEUE)

    def _show(self, state: QueueState) -> None:
        self._panel.show(state, self._show_state)
        if state.slots != self._slots_shown:
            self._slots_shown = state.slots
            self._slots.set_value(state.slots)
        self._pause.set_text("Resume" if state.paused else "Pause")
        self._pause.props(f"icon={'play_arrow' if state.paused else 'pause'}")
        self._reason.set_visibility(not state.paused)

    def _show_state(self, state: QueueState) -> None:
        slots = f"{state.slots} {'analysis' if state.slots == 1 else 'analyses'} at once"
        if not state.paused:
            ui.label(f"Working, up to {slots}.")
            return
        why = f": {state.reason}" if state.reason else ""
        ui.label(
            f"Paused by {state.actor} since {exact(state.since, self._desk.zone)}{why}. "
            f"What runs goes on, nothing new starts. Up to {slots}."
        )

    async def _set_slots(self) -> None:
        with reporting():
            value = self._slots.value
            if value is None or value != int(value):
                raise Invalid(f"Slots must be a whole number between 1 and {MAX_SLOTS}")
            state = await off_loop(self._desk.platform.queue.set_slots, int(value), by=self._desk.trader)
            self._draft.forget()
            notify(f"The queue has {state.slots} {'slot' if state.slots == 1 else 'slots'} now")
        await self._look()

    async def _toggle(self) -> None:
        queue, by = self._desk.platform.queue, self._desk.trader
        with reporting():
            if (await off_loop(queue.state)).paused:
                await off_loop(queue.resume, by=by)
                notify("Queue resumed")
            else:
                await off_loop(queue.pause, by=by, reason=(self._reason.value or "").strip() or None)
                self._draft.forget()
                self._reason.set_value("")
                notify("Queue paused: what runs goes on, nothing new starts")
        await self._look()
