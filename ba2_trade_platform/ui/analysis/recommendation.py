"""Result panel: the recommendation of an analysis, or its failure in plain words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from nicegui import ui

from ba2_trade_platform.core.failures.advice import advice
from ba2_trade_platform.core.monitoring.details import Recommendation
from ba2_trade_platform.core.monitoring.rerun_outlook import RerunOutlook
from ba2_trade_platform.ui.analysis.output_reader import Reading
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.markdown import Prose, json_text, text_block
from ba2_trade_platform.ui.kit.panels import Fact, chip, copy_button, facts, fold, quiet
from ba2_trade_platform.ui.kit.times import DASH
from ba2_trade_platform.vocabulary import Signal, Status

HORIZON = {"short_term": "days", "medium_term": "weeks", "long_term": "months"}
NO_ANSWER = {
    Status.PENDING: "Not yet: the analysis waits for a slot.",
    Status.RUNNING: "Not yet: the expert is working.",
    Status.FAILED: "None: the analysis failed before its expert recommended anything.",
    Status.SKIPPED: "None: the analysis was skipped.",
    Status.CANCELLED: "None: the analysis was cancelled.",
    Status.COMPLETED: "None was recorded.",
}
NOT_COUNTED = {Status.FAILED: "failed", Status.PENDING: "waits to go on"}


class Failure(NamedTuple):
    """What is shown of why an analysis did not complete."""

    code: str
    outlook: RerunOutlook | None
    expert_instance_id: int
    message: str
    traceback: str | None
    fingerprint: str | None

    @classmethod
    def of(cls, reading: Reading) -> Failure | None:
        """Return the failure of the newest attempt, None when there is none."""
        row = reading.row
        if row.error_code is None:
            return None
        message = reading.message or "No message was recorded."
        return cls(row.error_code, reading.outlook, row.expert_instance_id, message, reading.traceback, row.fingerprint)


def failure(found: Failure, memory: set[str], show_outlook: Callable[[str], Awaitable[None]]) -> None:
    """Say what failed, whether a re-run is worth it and why, and give everything a report needs."""
    outlook = found.outlook
    if outlook is not None and found.fingerprint:
        with ui.element("div").classes("ba2-failure-code"):
            ui.label(outlook.headline).classes("ba2-failure-advice").mark("verdict-headline")
            why = ui.button("Why", icon="help_outline", color=None, on_click=partial(show_outlook, found.fingerprint))
            why.props("flat dense no-caps size=sm").mark("verdict-why").props["aria-label"] = "Rule and evidence"
    hint = outlook.hint if outlook is not None else ""
    ui.label(hint or advice(found.code).hint)
    with ui.element("div").classes("ba2-failure-code"):
        ui.link(found.code, f"/marketanalysis?code={found.code}").classes("ba2-link")
        ui.link("Settings of this expert", f"/experts?edit={found.expert_instance_id}").classes("ba2-link")
        if found.fingerprint:
            equal = ui.link("Equal failures", f"/marketanalysis?fingerprint={found.fingerprint}").classes("ba2-link")
            equal.props["title"] = f"Fingerprint {found.fingerprint}"
    message_block(found.message)
    if found.traceback:
        traceback(found.traceback, "failure-traceback", memory)


def message_block(text: str) -> None:
    """Show the message of a failure, to be copied."""
    with ui.element("div").classes("ba2-failure-message"):
        text_block(text)
        copy_button("Message", text)


def traceback(text: str, key: str, memory: set[str]) -> None:
    """Fold a traceback away, to be opened and copied."""
    _copied_fold(key, "Traceback", "Traceback", "Traceback", memory, lambda: text)


def expert_state(value: Any, key: str, memory: set[str]) -> None:
    """Fold the expert's own working state away."""
    title = "What the expert kept for itself, as JSON"
    _copied_fold(key, "Expert state", title, "State", memory, lambda: json_text(value))


def _copied_fold(key: str, name: str, title: str, what: str, memory: set[str], read: Callable[[], str]) -> None:
    def content() -> None:
        text = read()
        copy_button(what, text)
        text_block(text)

    with fold(key, name, memory, content):
        ui.label(title).classes("ba2-fold-title")


def recommendation(given: Recommendation | None, status: Status) -> None:
    """Show what an analysis of this status recommends, with its numbers and its reasons."""
    if given is None:
        quiet(NO_ANSWER[status])
        return
    with ui.element("div").classes("ba2-answer"):
        chip(words.ACTION[given.action.value]).classes("ba2-answer-action")
        chip(_standing(given, status))
    if given.action is not Signal.REVIEW:  # nobody decided, so its numbers would be made up
        facts(
            (
                Fact("Confidence", f"{given.confidence:.1f} %"),
                Fact("Expected profit", f"{given.expected_profit_percent:+.2f} %"),
                Fact("Price", money(given.price_at_date, given.currency)),
                Fact("Target", money(given.target_price, given.currency)),
                Fact("Stop", money(given.stop_price, given.currency)),
                Fact("Risk", given.risk_level.value),
                Fact("Horizon", HORIZON[given.time_horizon.value]),
            )
        )
    if given.details:
        Prose(given.details)


def _standing(given: Recommendation, status: Status) -> words.Look:
    """Return whether it counts, and if not, why."""
    if given.is_current:
        return words.Look("current", "verified", "good")
    if status is Status.COMPLETED:
        return words.Look("superseded by a newer analysis", "history", "quiet")
    if status is Status.RUNNING:
        return words.Look("provisional until it completes", "hourglass_top", "waiting")
    ended = NOT_COUNTED.get(status, f"was {status.value}")
    return words.Look(f"does not count: the analysis {ended}", "do_not_disturb_on", "warn")


def money(amount: Decimal | None, currency: str) -> str:
    """Return a price with its currency: two decimals at least, more where they say something."""
    if amount is None:
        return DASH
    shown = f"{amount:,.6f}".rstrip("0")
    whole, _, decimals = shown.partition(".")
    return f"{whole}.{decimals:0<2} {currency}"
