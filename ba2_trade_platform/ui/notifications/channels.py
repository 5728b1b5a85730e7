"""Channel table: each notification channel with its state and a test button."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from ba2_trade_platform.core.base.change_feed import ANYTHING
from ba2_trade_platform.core.notifications.channels import Channel, Tested
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.live import Refresh
from ba2_trade_platform.ui.kit.panels import KeyedList, Panel, chip, empty_state, icon_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH, moment
from ba2_trade_platform.ui.notifications.channel_dialog import ChannelDialog, address_help

HEADERS = ("Channel", "State", "Actions", "On", "Leads to", "Quiet hours", "Last sent", "Last answer")
Line = tuple[Channel, Tested | None, bool]  # the channel, what the last test on this page brought, one is under way


class ChannelTable:
    """The panel of channels; `refresh` is the page's, which reads everything at once."""

    def __init__(self, desk: Desk, refresh: Refresh) -> None:
        self._desk, self._refresh = desk, refresh
        self._tests: dict[int, Tested] = {}
        self._testing: set[int] = set()
        panel = Panel("Channels")
        self._root = panel.element
        with panel.head:
            add = ui.button("Add a channel", icon="add", color=None, on_click=self._add).props("flat dense no-caps")
            add.mark("add-channel")
        with panel.element:
            with ui.element("div") as self._table, plain_table("Channels", HEADERS):
                self._rows: KeyedList[int, Line] = KeyedList(self._line, tag="tbody", entry_tag="tr")
            with ui.element("div") as self._empty:
                empty_state(
                    "notifications",
                    "Nobody is told",
                    "Add a mailbox, a chat or a webhook: failures, missed runs and alerts reach it wherever you are.",
                )
                address_help()

    def show(self, channels: list[Channel]) -> None:
        """Show these channels."""
        self._rows.show({one.id: (one, self._tests.get(one.id), one.id in self._testing) for one in channels})
        self._table.set_visibility(bool(channels))
        self._empty.set_visibility(not channels)

    def _line(self, line: Line) -> None:
        channel, tested, testing = line
        zone = self._desk.zone
        text_cell(channel.name)
        with cell():
            chip(_look(channel))
        self._actions(channel, testing)
        with cell():
            switch = ui.switch(value=channel.enabled, on_change=lambda event: self._enable(channel, event.value))
            switch.props("dense").mark(f"channel-on-{channel.id}").props["aria-label"] = f"{channel.name} is told"
        text_cell(channel.hint)
        quiet = f"{channel.quiet_from} to {channel.quiet_until} {channel.zone}" if channel.quiet_from else DASH
        text_cell(quiet)
        text_cell(moment(channel.last_sent_at, zone))
        with cell("ba2-wrap"):
            if tested is not None:
                said = f"{tested.sentence} in {tested.ms:,} ms" if tested.ok else tested.sentence
                ui.label(said).classes("" if tested.ok else "ba2-form-error")
            elif channel.last_error:
                ui.label(f"{moment(channel.last_error_at, zone)}: {channel.last_error}").classes("ba2-form-error")
            else:
                ui.label("testing ..." if testing else DASH).classes("ba2-muted")

    def _actions(self, channel: Channel, testing: bool) -> None:
        with cell(), ui.row().classes("no-wrap").style("gap: 2px"):
            test = icon_button("send", f"Send a test to {channel.name}", partial(self._test, channel))
            test.mark(f"test-channel-{channel.id}").set_enabled(not testing)
            icon_button("edit", f"Change {channel.name}", partial(self._edit, channel)).mark(
                f"edit-channel-{channel.id}"
            )
            icon_button("delete", f"Remove {channel.name}", partial(self._ask_remove, channel)).mark(
                f"remove-channel-{channel.id}"
            )

    # Rows are built anew while their handlers wait, so every handler works in the panel's own slot.

    async def _saved(self) -> None:
        await self._refresh(ANYTHING)

    def _add(self) -> None:
        with self._root:
            ChannelDialog(self._desk, None, self._saved)

    def _edit(self, channel: Channel) -> None:
        with self._root:
            ChannelDialog(self._desk, channel, self._saved)

    async def _enable(self, channel: Channel, enabled: bool) -> None:
        with self._root:
            with reporting():
                change = self._desk.platform.notifications.channels.change
                await off_loop(change, channel.id, by=self._desk.trader, enabled=enabled)
                then = "on" if enabled else "off: what waited for it is not sent"
                notify(f"{channel.name} switched {then}")
            self._rows.forget(channel.id)
            await self._refresh(ANYTHING)

    async def _test(self, channel: Channel) -> None:
        with self._root:
            self._testing.add(channel.id)
            self._tests.pop(channel.id, None)
            await self._refresh(ANYTHING)
            try:
                with reporting():
                    self._tests[channel.id] = await off_loop(
                        self._desk.platform.notifications.channels.test, channel.id, by=self._desk.trader
                    )
            finally:
                self._testing.discard(channel.id)
            await self._refresh(ANYTHING)
            if (said := self._tests.get(channel.id)) is not None:  # only now: its button can be pressed again
                notify(said.sentence, "positive" if said.ok else "warning")

    async def _ask_remove(self, channel: Channel) -> None:
        async def remove() -> None:
            with reporting():
                channels = self._desk.platform.notifications.channels
                await off_loop(channels.remove, channel.id, by=self._desk.trader)
                notify(f"{channel.name} removed")
            await self._refresh(ANYTHING)

        with self._root:
            await confirm(
                f"Remove {channel.name}?",
                "Its address, its rules and its messages are forgotten.",
                "Forget it",
                remove,
            )


def _look(channel: Channel) -> words.Look:
    if not channel.enabled:
        return words.Look("off", "notifications_off", "quiet")
    if channel.last_error:
        return words.Look("failing", "error", "bad")
    if channel.last_sent_at is None:
        return words.Look("nothing sent yet", "hourglass_empty", "waiting")
    return words.Look("works", "check_circle", "good")
