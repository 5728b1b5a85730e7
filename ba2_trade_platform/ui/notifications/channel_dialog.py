"""Channel dialog: adds or changes a notification channel; its address is write-only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.core.notifications.channels import Channel
from ba2_trade_platform.core.notifications.sender import EXAMPLES
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop
from ba2_trade_platform.ui.notifications.rule_dialog import OCCASIONS

FIRST = (EventType.FAILED, EventType.RUN_MISSED, EventType.BREAKER_OPEN, EventType.ALERT)


class ChannelDialog:
    """Adds a channel, or changes `channel`; stays open, with the reason, until what is in it is valid."""

    def __init__(self, desk: Desk, channel: Channel | None, saved: Callable[[], Awaitable[None]]) -> None:
        self._desk, self._channel, self._saved = desk, channel, saved
        self._occasions: dict[EventType, ui.checkbox] = {}
        with ui.dialog().props("no-refocus") as self._dialog, ui.card().classes("ba2-dialog ba2-form-dialog"):
            title = f"Change {channel.name}" if channel else "Add a channel"
            ui.label(title).classes("ba2-dialog-title").props("role=heading aria-level=2")
            with ui.element("div").classes("ba2-form-scroll"):
                self._build_fields()
                if channel is None:
                    self._build_occasions()
                address_help()
            self._error = ui.label().classes("ba2-form-error").props("role=alert")
            with ui.row().classes("w-full justify-end"):
                ui.button("Close", on_click=self._dialog.close, color=None).props("flat no-caps")
                self._save_button = ui.button("Save", on_click=self._save).props("unelevated no-caps color=primary")
                self._save_button.mark("save-channel")
        self._dialog.on("hide", self._dialog.delete)
        self._dialog.open()

    def _build_fields(self) -> None:
        channel = self._channel
        with ui.element("div").classes("ba2-form"):
            self._name = _text("Name", "As you call it: Desk phone", channel.name if channel else "", "channel-name")
            self._url = ui.input("Address").props(
                "outlined dense type=password autocomplete=new-password maxlength=2000"
            )
            now = f"Now: {channel.hint}; empty leaves it as it is. " if channel else ""
            self._url.mark("channel-url").props["hint"] = f"{now}Stored encrypted and never shown"
            self._from = _text(
                "Quiet from", "HH:MM; empty: never quiet", (channel and channel.quiet_from) or "", "from"
            )
            self._until = _text(
                "Quiet until", "Only urgent rules are sent", (channel and channel.quiet_until) or "", "to"
            )
            zone = channel.zone if channel else self._desk.platform.settings.zone.key
            self._zone = _text("Zone", "Of quiet hours and of times in messages", zone, "channel-zone")

    def _build_occasions(self) -> None:
        ui.label("Tell it when").classes("ba2-muted")
        with ui.element("div").classes("ba2-form"):
            for occasion, (word, hint) in OCCASIONS.items():
                box = ui.checkbox(word, value=occasion in FIRST).props("dense").mark(f"tell-{occasion.value}")
                box.props["title"] = hint
                self._occasions[occasion] = box

    async def _save(self) -> None:
        self._save_button.disable()
        try:
            channel = await self._write()
        except PlatformError as error:
            self._error.set_text(str(error))
            self._save_button.enable()
            return
        self._url.set_value("")
        self._dialog.close()
        notify(f"{channel.name} saved: test it")
        await self._saved()

    async def _write(self) -> Channel:
        channels, by = self._desk.platform.notifications.channels, self._desk.trader
        given: dict[str, Any] = {
            "quiet_from": (self._from.value or "").strip() or None,
            "quiet_until": (self._until.value or "").strip() or None,
            "zone": (self._zone.value or "").strip(),
        }
        name, url = self._name.value or "", self._url.value or ""
        if self._channel is None:
            occasions = [occasion for occasion, box in self._occasions.items() if box.value]
            return await off_loop(channels.create, name, url, by=by, occasions=occasions, **given)
        if url:
            given["url"] = url
        version = self._channel.version
        return await off_loop(channels.change, self._channel.id, by=by, version=version, name=name, **given)


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


def _text(label: str, hint: str, value: str, marker: str) -> ui.input:
    field = ui.input(label, value=value).props("outlined dense maxlength=200").mark(marker)
    field.props["hint"] = hint
    return field
