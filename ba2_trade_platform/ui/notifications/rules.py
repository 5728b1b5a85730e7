"""Rules: the table of notification rules, and the dialog that adds or changes one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.core.experts.instances import Instance
from ba2_trade_platform.core.notifications.channels import Channel
from ba2_trade_platform.core.notifications.rules import OF_AN_EXPERT, Rule
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import carry_out, off_loop, reporting
from ba2_trade_platform.ui.kit.form_dialog import FormDialog, form_control
from ba2_trade_platform.ui.kit.panels import KeyedList, Panel, icon_button, quiet
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, switch_cell, text_cell

HEADERS = ("When", "Actions", "On", "Tell", "Only", "Quiet hours", "One message for")
OCCASIONS: dict[EventType, tuple[str, str]] = {
    EventType.FAILED: ("Analysis failed", "It failed, and no retry follows"),
    EventType.RUN_MISSED: ("Run missed", "A planned run did not happen"),
    EventType.RUN_PARTLY_FAILED: ("Run partly failed", "Some analyses of a run failed"),
    EventType.BREAKER_OPEN: ("Provider held back", "It failed so often that its retries wait"),
    EventType.BATCH_FINISHED: ("Batch finished", "Nothing of it waits or runs any more"),
    EventType.CONFIDENT: ("Confident recommendation", "A BUY or SELL with at least this confidence"),
    EventType.ALERT: ("Alert", "What the banner of every page shows"),
    EventType.DAILY_SUMMARY: ("Daily summary", "What ran, failed and was missed"),
}
EVERYBODY = 0


class RuleTable:
    """The panel of rules; the page reads everything at once, and sets `look` to do so again."""

    look: Callable[[], Awaitable[None]]

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._panel = Panel("Rules")
        self._root = self._panel.element
        with self._panel.head:
            add = ui.button("Add a rule", icon="add", color=None, on_click=partial(self._open, None))
            add.props("flat dense no-caps").mark("add-rule")
        with self._root:
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
            icon_button("edit", f"Change {name}", partial(self._open, rule)).mark(f"edit-rule-{rule.id}")
            icon_button("delete", f"Remove {name}", partial(self._remove, rule)).mark(f"remove-rule-{rule.id}")
        switch_cell(f"{name} is on", rule.enabled, f"rule-on-{rule.id}", partial(self._enable, rule))
        text_cell(rule.channel)
        only = [f"of {rule.expert}"] if rule.expert else []
        if rule.min_confidence is not None:
            only.append(f"from {rule.min_confidence:g} %")
        text_cell(", ".join(only) or "all")
        text_cell("sent too" if rule.urgent else "waits until they are over")
        text_cell(f"what comes within {rule.group_seconds:,} s" if rule.group_seconds else "each event")

    async def _open(self, rule: Rule | None) -> None:
        platform = self._desk.platform
        with self._root, reporting():
            channels = await off_loop(platform.notifications.channels.list)
            RuleDialog(self._desk, rule, channels, await off_loop(platform.experts.list), self.look)

    async def _enable(self, rule: Rule, enabled: bool) -> None:
        change = partial(self._desk.platform.notifications.rules.change, rule.id, by=self._desk.trader, enabled=enabled)
        told = "told" if enabled else "not told any more"
        with self._root:
            await carry_out(change, f"{OCCASIONS[rule.occasion][0]}: {rule.channel} is {told}")
            self._rows.forget(rule.id)
            await self.look()

    async def _remove(self, rule: Rule) -> None:
        remove = partial(self._desk.platform.notifications.rules.remove, rule.id, by=self._desk.trader)
        sentence = f"{OCCASIONS[rule.occasion][0]}: {rule.channel} is not told any more"
        with self._root:
            await carry_out(remove, sentence, self.look)


class RuleDialog:
    """Adds a rule, or changes `rule`; stays open, with the reason, until what is in it is valid."""

    def __init__(
        self,
        desk: Desk,
        rule: Rule | None,
        channels: Sequence[Channel],
        experts: Sequence[Instance],
        saved: Callable[[], Awaitable[None]],
    ) -> None:
        self._desk, self._rule, self._saved = desk, rule, saved
        self._dialog = FormDialog("Change the rule" if rule else "Add a rule", self._save, "save-rule")
        with self._dialog.body, ui.element("div").classes("ba2-form"):
            self._build(channels, experts)

    def _build(self, channels: Sequence[Channel], experts: Sequence[Instance]) -> None:
        rule = self._rule
        words = {occasion.value: word for occasion, (word, _) in OCCASIONS.items()}
        names = {channel.id: channel.name for channel in channels}
        aliases = {EVERYBODY: "All experts", **{expert.id: expert.alias for expert in experts}}
        self._occasion = ui.select(words, label="When", value=rule.occasion.value if rule else EventType.FAILED.value)
        self._channel = ui.select(names, label="Tell", value=rule.channel_id if rule else next(iter(names)))
        for fixed, marker in ((self._occasion, "rule-occasion"), (self._channel, "rule-channel")):
            fixed.props("outlined dense options-dense").mark(marker).set_enabled(rule is None)
        expert = rule.expert_instance_id if rule and rule.expert_instance_id in aliases else EVERYBODY
        self._expert = ui.select(aliases, label="Expert", value=expert).props("outlined dense options-dense")
        confidence = ui.number("Confidence from, %", value=rule.min_confidence if rule else None, min=1, max=100)
        self._confidence = form_control(confidence, "Empty: any", "rule-confidence")
        group = ui.number("One message for what comes within, s", value=rule.group_seconds if rule else 60, min=0)
        self._group = form_control(group, "0: each at once", "rule-group")
        self._urgent = ui.checkbox("Urgent: in quiet hours too", value=rule.urgent if rule else False).props("dense")
        self._urgent.mark("rule-urgent")
        self._occasion.on_value_change(self._fit)
        self._fit()

    def _fit(self) -> None:
        occasion = EventType(self._occasion.value)
        self._confidence.set_visibility(occasion is EventType.CONFIDENT)
        self._expert.set_visibility(occasion in OF_AN_EXPERT)
        self._occasion.props["hint"] = OCCASIONS[occasion][1]

    async def _save(self) -> None:
        rules, by = self._desk.platform.notifications.rules, self._desk.trader
        occasion = EventType(self._occasion.value)
        given: dict[str, Any] = {
            "urgent": self._urgent.value,
            "group_seconds": int(self._group.value or 0),
            "min_confidence": self._confidence.value if occasion is EventType.CONFIDENT else None,
            "expert_instance_id": (self._expert.value or None) if occasion in OF_AN_EXPERT else None,
        }
        if self._rule is None:
            rule = await off_loop(rules.create, self._channel.value, occasion, by=by, **given)
        else:
            rule = await off_loop(rules.change, self._rule.id, by=by, version=self._rule.version, **given)
        self._dialog.close(f"{rule.channel} is told: {OCCASIONS[rule.occasion][0]}")
        await self._saved()
