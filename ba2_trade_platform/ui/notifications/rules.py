"""Rule table: each notification rule with its event, channel, grouping and urgency."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from ba2_trade_platform.core.base.change_feed import ANYTHING
from ba2_trade_platform.core.notifications.rules import Rule
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.live import Refresh
from ba2_trade_platform.ui.kit.panels import KeyedList, Panel, icon_button, quiet
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.notifications.rule_dialog import OCCASIONS, RuleDialog

HEADERS = ("When", "Actions", "On", "Tell", "Only", "Quiet hours", "One message for")


class RuleTable:
    """The panel of rules; `refresh` is the page's, which reads everything at once."""

    def __init__(self, desk: Desk, refresh: Refresh) -> None:
        self._desk, self._refresh = desk, refresh
        self._panel = Panel("Rules")
        self._root = self._panel.element
        with self._panel.head:
            self._add_button = ui.button("Add a rule", icon="add", color=None, on_click=self._add)
            self._add_button.props("flat dense no-caps").mark("add-rule")
        with self._panel.element:
            with ui.element("div") as self._table, plain_table("Rules", HEADERS):
                self._rows: KeyedList[int, Rule] = KeyedList(self._line, tag="tbody", entry_tag="tr")
            self._empty = quiet("No rule: no channel is told anything. Add one.")

    def show(self, rules: list[Rule], *, with_channels: bool) -> None:
        """Show these rules; without a channel there is nobody to tell."""
        self._panel.show_if(with_channels)
        self._rows.show({rule.id: rule for rule in rules})
        self._table.set_visibility(bool(rules))
        self._empty.set_visibility(not rules)

    def _line(self, rule: Rule) -> None:
        word, hint = OCCASIONS[rule.occasion]
        name = f"{word} to {rule.channel}"
        with cell():
            ui.label(word).props["title"] = hint
        with cell(), ui.row().classes("no-wrap").style("gap: 2px"):
            icon_button("edit", f"Change {name}", partial(self._edit, rule)).mark(f"edit-rule-{rule.id}")
            icon_button("delete", f"Remove {name}", partial(self._remove, rule)).mark(f"remove-rule-{rule.id}")
        with cell():
            switch = ui.switch(value=rule.enabled, on_change=lambda event: self._enable(rule, event.value))
            switch.props("dense").mark(f"rule-on-{rule.id}").props["aria-label"] = f"{name} is on"
        text_cell(rule.channel)
        text_cell(_only(rule))
        text_cell("sent too" if rule.urgent else "waits until they are over")
        text_cell(f"what comes within {rule.group_seconds:,} s" if rule.group_seconds else "each event")

    async def _saved(self) -> None:
        await self._refresh(ANYTHING)

    async def _add(self) -> None:
        await self._open(None)

    async def _edit(self, rule: Rule) -> None:
        await self._open(rule)

    async def _open(self, rule: Rule | None) -> None:
        platform = self._desk.platform
        with self._root, reporting():
            channels, experts = await off_loop(
                lambda: (platform.notifications.channels.list(), platform.experts.list())
            )
            RuleDialog(self._desk, rule, channels, experts, self._saved)

    async def _enable(self, rule: Rule, enabled: bool) -> None:
        with self._root:
            with reporting():
                change = self._desk.platform.notifications.rules.change
                await off_loop(change, rule.id, by=self._desk.trader, enabled=enabled)
                notify(f"{OCCASIONS[rule.occasion][0]}: {rule.channel} is {'told' if enabled else 'not told any more'}")
            self._rows.forget(rule.id)
            await self._refresh(ANYTHING)

    async def _remove(self, rule: Rule) -> None:
        with self._root:
            with reporting():
                await off_loop(self._desk.platform.notifications.rules.remove, rule.id, by=self._desk.trader)
                notify(f"{OCCASIONS[rule.occasion][0]}: {rule.channel} is not told any more")
            await self._refresh(ANYTHING)


def _only(rule: Rule) -> str:
    parts = [f"of {rule.expert}"] if rule.expert else []
    if rule.min_confidence is not None:
        parts.append(f"from {rule.min_confidence:g} %")
    return ", ".join(parts) or "all"
