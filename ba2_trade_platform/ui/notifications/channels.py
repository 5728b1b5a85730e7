"""Channels: the table of notification channels, and the dialog that adds or changes one; addresses are write-only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.core.notifications.channels import Channel, Tested
from ba2_trade_platform.core.notifications.sender import EXAMPLES
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import carry_out, confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.form_dialog import FormDialog, form_control
from ba2_trade_platform.ui.kit.panels import KeyedList, Panel, chip, empty_state, icon_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, switch_cell, text_cell
from ba2_trade_platform.ui.kit.times import DASH, moment
from ba2_trade_platform.ui.notifications.rules import OCCASIONS

HEADERS = ("Channel", "State", "Actions", "On", "Leads to", "Quiet hours", "Last sent", "Last answer")
FIRST = (EventType.FAILED, EventType.RUN_MISSED, EventType.BREAKER_OPEN, EventType.ALERT)
Line = tuple[Channel, Tested | None, bool]  # the channel, what the last test on this page brought, one is under way


class ChannelTable:
    """The panel of channels; the page reads everything at once, and sets `look` to do so again."""

    look: Callable[[], Awaitable[None]]

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tests: dict[int, Tested] = {}
        self._testing: set[int] = set()
        panel = Panel("Channels")
        self._root = panel.element
        with panel.head:
            add = ui.button("Add a channel", icon="add", color=None, on_click=partial(self._open, None))
            add.props("flat dense no-caps").mark("add-channel")
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
            chip(_state(channel))
        self._actions(channel, testing)
        enable = partial(self._enable, channel)
        switch_cell(f"{channel.name} is told", channel.enabled, f"channel-on-{channel.id}", enable)
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
        name, one = channel.name, channel.id
        with cell(), ui.row().classes("no-wrap").style("gap: 2px"):
            test = icon_button("send", f"Send a test to {name}", partial(self._test, channel))
            test.mark(f"test-channel-{one}").set_enabled(not testing)
            icon_button("edit", f"Change {name}", partial(self._open, channel)).mark(f"edit-channel-{one}")
            icon_button("delete", f"Remove {name}", partial(self._ask_remove, channel)).mark(f"remove-channel-{one}")

    # Rows are built anew while their handlers wait, so every handler works in the panel's own slot.

    def _open(self, channel: Channel | None) -> None:
        with self._root:
            ChannelDialog(self._desk, channel, self.look)

    async def _enable(self, channel: Channel, enabled: bool) -> None:
        channels = self._desk.platform.notifications.channels
        change = partial(channels.change, channel.id, by=self._desk.trader, enabled=enabled)
        then = "on" if enabled else "off: what waited for it is not sent"
        with self._root:
            await carry_out(change, f"{channel.name} switched {then}")
            self._rows.forget(channel.id)
            await self.look()

    async def _test(self, channel: Channel) -> None:
        one, test = channel.id, self._desk.platform.notifications.channels.test
        with self._root:
            self._testing.add(one)
            self._tests.pop(one, None)
            await self.look()
            try:
                with reporting():
                    self._tests[one] = await off_loop(test, one, by=self._desk.trader)
            finally:
                self._testing.discard(one)
            await self.look()
            if (said := self._tests.get(one)) is not None:  # only now: its button can be pressed again
                notify(said.sentence, "positive" if said.ok else "warning")

    async def _ask_remove(self, channel: Channel) -> None:
        remove = partial(self._desk.platform.notifications.channels.remove, channel.id, by=self._desk.trader)
        with self._root:
            await confirm(
                f"Remove {channel.name}?",
                "Its address, its rules and its messages are forgotten.",
                "Forget it",
                partial(carry_out, remove, f"{channel.name} removed", self.look),
            )


def _state(channel: Channel) -> words.Look:
    if not channel.enabled:
        return words.Look("off", "notifications_off", "quiet")
    if channel.last_error:
        return words.Look("failing", "error", "bad")
    if channel.last_sent_at is None:
        return words.Look("nothing sent yet", "hourglass_empty", "waiting")
    return words.Look("works", "check_circle", "good")


class ChannelDialog:
    """Adds a channel, or changes `channel`; stays open, with the reason, until what is in it is valid."""

    def __init__(self, desk: Desk, channel: Channel | None, saved: Callable[[], Awaitable[None]]) -> None:
        self._desk, self._channel, self._saved = desk, channel, saved
        self._occasions: dict[EventType, ui.checkbox] = {}
        title = f"Change {channel.name}" if channel else "Add a channel"
        self._dialog = FormDialog(title, self._save, "save-channel")
        with self._dialog.body:
            self._build_fields()
            if channel is None:
                self._build_occasions()
            address_help()

    def _build_fields(self) -> None:
        channel = self._channel
        now = f"Now: {channel.hint}; empty leaves it as it is. " if channel else ""
        quiet_from, quiet_until = (channel.quiet_from, channel.quiet_until) if channel else (None, None)
        zone = channel.zone if channel else self._desk.platform.settings.zone.key
        with ui.element("div").classes("ba2-form"):
            self._name = _text("Name", channel.name if channel else "", "As you call it: Desk phone", "channel-name")
            self._url = form_control(ui.input("Address"), f"{now}Stored encrypted and never shown", "channel-url")
            self._url.props("type=password autocomplete=new-password maxlength=2000")
            self._from = _text("Quiet from", quiet_from or "", "HH:MM; empty: never quiet", "from")
            self._until = _text("Quiet until", quiet_until or "", "Only urgent rules are sent", "to")
            self._zone = _text("Zone", zone, "Of quiet hours and of times in messages", "channel-zone")

    def _build_occasions(self) -> None:
        ui.label("Tell it when").classes("ba2-muted")
        with ui.element("div").classes("ba2-form"):
            for occasion, (word, hint) in OCCASIONS.items():
                box = ui.checkbox(word, value=occasion in FIRST).props("dense").mark(f"tell-{occasion.value}")
                box.props["title"] = hint
                self._occasions[occasion] = box

    async def _save(self) -> None:
        channels, by = self._desk.platform.notifications.channels, self._desk.trader
        name, url = self._name.value or "", self._url.value or ""
        given: dict[str, Any] = {
            "quiet_from": (self._from.value or "").strip() or None,
            "quiet_until": (self._until.value or "").strip() or None,
            "zone": (self._zone.value or "").strip(),
        }
        if self._channel is None:
            occasions = [occasion for occasion, box in self._occasions.items() if box.value]
            channel = await off_loop(channels.create, name, url, by=by, occasions=occasions, **given)
        else:
            if url:
                given["url"] = url
            version = self._channel.version
            channel = await off_loop(channels.change, self._channel.id, by=by, version=version, name=name, **given)
        self._url.set_value("")
        self._dialog.close(f"{channel.name} saved: test it")
        await self._saved()


def address_help() -> None:
    """Show what addresses look like."""
    ui.label("What an address looks like").classes("ba2-muted")
    with ui.element("div").classes("ba2-plain-box"), ui.element("table").classes("ba2-plain"), ui.element("tbody"):
        for service, example in EXAMPLES:
            with ui.element("tr"):
                with ui.element("td"):
                    ui.label(service)
                with ui.element("td").classes("ba2-wrap"):
                    ui.label(example).classes("ba2-mono")
    ui.link("All services of Apprise", "https://appriseit.com/services/", new_tab=True).classes("ba2-link")


def _text(label: str, value: str, hint: str, marker: str) -> ui.input:
    return form_control(ui.input(label, value=value), hint, marker, "maxlength=200")
