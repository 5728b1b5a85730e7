"""Notifications page: channels, rules and messages, sent or failed."""

from __future__ import annotations

from functools import partial

from nicegui import ui
from starlette.requests import Request

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.notifications.channels import Channel
from ba2_trade_platform.core.notifications.messages import Message
from ba2_trade_platform.core.notifications.rules import Rule
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import carry_out
from ba2_trade_platform.ui.kit.panels import KeyedList, Panel, chip, icon_button, quiet
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import exact, moment
from ba2_trade_platform.ui.kit.urls import whole_number
from ba2_trade_platform.ui.notifications.channels import ChannelTable
from ba2_trade_platform.ui.notifications.rules import RuleTable
from ba2_trade_platform.ui.shell.layout import frame
from ba2_trade_platform.vocabulary import MessageState

HEADERS = ("When", "Channel", "State", "Actions", "Message", "Events", "Tries", "Error")
SHOWN = 50
STATES = {
    MessageState.WAITING: words.Look("waiting", "schedule", "waiting"),
    MessageState.SENT: words.Look("sent", "check_circle", "good"),
    MessageState.FAILED: words.Look("failed", "error", "bad"),
}


async def notifications_page(desk: Desk, request: Request) -> None:
    """Build the page; `?state=` chooses messages, `?before=` those of an id before it."""
    state = request.query_params.get("state", "")
    chosen = MessageState(state) if state in list(MessageState) else None
    async with frame(desk, "Notifications", "notifications"):
        await NotificationsPage(desk, chosen, whole_number(request.query_params.get("before"))).build()


class NotificationsPage:
    """Channels, rules and messages; kept true by the feed."""

    def __init__(self, desk: Desk, state: MessageState | None, before: int | None) -> None:
        self._desk, self._state, self._before = desk, state, before

    async def build(self) -> None:
        """Build everything and show it."""
        with ui.element("div").classes("ba2-scroll ba2-stack") as self._root:
            self._channels = ChannelTable(self._desk)
            self._rules = RuleTable(self._desk)
            self._panel = Panel("Messages")
            with self._panel.element:
                self._choices()
                with ui.element("div") as self._table, plain_table("Messages", HEADERS, frozenset({"Events", "Tries"})):
                    self._rows: KeyedList[int, Message] = KeyedList(self._line, tag="tbody", entry_tag="tr")
                self._empty = quiet("None. What a rule names is told here and to its channel when it happens.")
                self._older = ui.link("Older messages", "").classes("ba2-link")
        look = await self._desk.live.follow(self._read, self._show, Topic.NOTIFICATIONS, Topic.EXPERTS)
        self._look = self._channels.look = self._rules.look = look

    def _choices(self) -> None:
        with ui.element("div").classes("ba2-inline"):
            for word, state in (("All", None), *((look.word.capitalize(), state) for state, look in STATES.items())):
                url = f"/notifications?state={state.value}" if state else "/notifications"
                link = ui.link(word, url).classes("ba2-link")
                if state is self._state:
                    link.classes("text-bold").props("aria-current=true")

    def _read(self) -> tuple[list[Channel], list[Rule], list[Message]]:
        parts = self._desk.platform.notifications
        messages = parts.messages.list(self._state, before=self._before, limit=SHOWN + 1)
        return parts.channels.list(), parts.rules.list(), messages

    def _show(self, found: tuple[list[Channel], list[Rule], list[Message]]) -> None:
        channels, rules, messages = found
        self._channels.show(channels)
        self._rules.show(rules, with_channels=bool(channels))
        self._panel.show_if(bool(channels or messages))
        shown = messages[:SHOWN]
        self._rows.show({message.id: message for message in shown})
        self._table.set_visibility(bool(shown))
        self._empty.set_visibility(not shown)
        self._older.set_visibility(len(messages) > SHOWN)
        if shown:
            state = f"state={self._state.value}&" if self._state else ""
            self._older.props["href"] = f"/notifications?{state}before={shown[-1].id}"

    def _line(self, message: Message) -> None:
        zone = self._desk.zone
        with cell():
            ui.label(moment(message.created_at, zone)).props["title"] = exact(message.created_at, zone)
        text_cell(message.channel)
        with cell(), ui.row().classes("no-wrap items-center").style("gap: 6px"):
            chip(STATES[message.state])
            if message.state is MessageState.WAITING:
                ui.label(f"until {moment(message.due_at, zone)}").classes("ba2-muted ba2-small")
        with cell(), ui.row().classes("no-wrap").style("gap: 2px"):
            open_it = partial(self._open, message)
            icon_button("subject", f"Read message {message.id}", open_it).mark(f"read-{message.id}")
            if message.state is MessageState.FAILED:
                again = icon_button("send", f"Send message {message.id} again", partial(self._retry, message))
                again.mark(f"retry-{message.id}")
        with cell("ba2-wrap"):
            ui.label(message.title)
        text_cell(f"{message.events:,}", classes="ba2-right")
        text_cell(str(message.tries), classes="ba2-right")
        text_cell(message.error or "", classes="ba2-wrap")

    def _open(self, message: Message) -> None:
        with self._root, ui.dialog() as dialog, ui.card().classes("ba2-dialog"):
            ui.label(message.title).classes("ba2-dialog-title").props("role=heading aria-level=2")
            ui.label(message.body).classes("ba2-mono")
            with ui.row().classes("w-full justify-end"):
                ui.button("Close", on_click=dialog.close, color=None).props("flat no-caps autofocus")
        dialog.on("hide", dialog.delete)
        dialog.open()

    async def _retry(self, message: Message) -> None:
        retry = partial(self._desk.platform.notifications.messages.retry, message.id, by=self._desk.trader)
        with self._root:
            await carry_out(retry, f"Message {message.id} is sent again within seconds", self._look)
