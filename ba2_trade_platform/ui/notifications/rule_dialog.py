"""Rule dialog: adds or changes a notification rule, and words the events it can match."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.core.experts.instances import Instance
from ba2_trade_platform.core.notifications.channels import Channel
from ba2_trade_platform.core.notifications.rules import OF_AN_EXPERT, Rule
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop

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
        with ui.dialog().props("no-refocus") as self._dialog, ui.card().classes("ba2-dialog ba2-form-dialog"):
            ui.label("Change the rule" if rule else "Add a rule").classes("ba2-dialog-title").props(
                "role=heading aria-level=2"
            )
            with ui.element("div").classes("ba2-form-scroll"), ui.element("div").classes("ba2-form"):
                self._build(rule, channels, experts)
            self._error = ui.label().classes("ba2-form-error").props("role=alert")
            with ui.row().classes("w-full justify-end"):
                ui.button("Close", on_click=self._dialog.close, color=None).props("flat no-caps")
                self._save_button = ui.button("Save", on_click=self._save).props("unelevated no-caps color=primary")
                self._save_button.mark("save-rule")
        self._dialog.on("hide", self._dialog.delete)
        self._dialog.open()

    def _build(self, rule: Rule | None, channels: Sequence[Channel], experts: Sequence[Instance]) -> None:
        words = {occasion.value: word for occasion, (word, _) in OCCASIONS.items()}
        names = {channel.id: channel.name for channel in channels}
        aliases = {EVERYBODY: "All experts", **{expert.id: expert.alias for expert in experts}}
        self._occasion = ui.select(words, label="When", value=rule.occasion.value if rule else EventType.FAILED.value)
        self._channel = ui.select(names, label="Tell", value=rule.channel_id if rule else next(iter(names)))
        for fixed, marker in ((self._occasion, "rule-occasion"), (self._channel, "rule-channel")):
            fixed.props("outlined dense options-dense").mark(marker).set_enabled(rule is None)
        expert = rule.expert_instance_id if rule and rule.expert_instance_id in aliases else EVERYBODY
        self._expert = ui.select(aliases, label="Expert", value=expert).props("outlined dense options-dense")
        confidence = rule.min_confidence if rule else None
        self._confidence = ui.number("Confidence from, %", value=confidence, min=1, max=100).props("outlined dense")
        self._confidence.mark("rule-confidence").props["hint"] = "Empty: any"
        self._group = ui.number("One message for what comes within, s", value=rule.group_seconds if rule else 60, min=0)
        self._group.props("outlined dense").mark("rule-group").props["hint"] = "0: each at once"
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
        self._save_button.disable()
        try:
            rule = await self._write()
        except PlatformError as error:
            self._error.set_text(str(error))
            self._save_button.enable()
            return
        self._dialog.close()
        notify(f"{rule.channel} is told: {OCCASIONS[rule.occasion][0]}")
        await self._saved()

    async def _write(self) -> Rule:
        rules, by, occasion = (
            self._desk.platform.notifications.rules,
            self._desk.trader,
            EventType(self._occasion.value),
        )
        given: dict[str, Any] = {
            "urgent": self._urgent.value,
            "group_seconds": int(self._group.value or 0),
            "min_confidence": self._confidence.value if occasion is EventType.CONFIDENT else None,
            "expert_instance_id": (self._expert.value or None) if occasion in OF_AN_EXPERT else None,
        }
        if self._rule is not None:
            return await off_loop(rules.change, self._rule.id, by=by, version=self._rule.version, **given)
        return await off_loop(rules.create, self._channel.value, occasion, by=by, **given)
