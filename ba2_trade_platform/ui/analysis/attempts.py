"""Attempt list: the attempts of an analysis, newest first, each with its archived results."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.contracts.provider_choice import ProviderChoice
from ba2_trade_platform.core.monitoring.attempt_history import Attempt
from ba2_trade_platform.core.monitoring.details import Archived
from ba2_trade_platform.ui.analysis.recommendation import traceback
from ba2_trade_platform.ui.analysis.steps import output_header, spend_facts, took
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.feedback import off_loop, reporting
from ba2_trade_platform.ui.kit.markdown import Prose, json_text, text_block
from ba2_trade_platform.ui.kit.panels import Fact, Fold, chip, copy_button, facts, quiet
from ba2_trade_platform.ui.kit.times import DASH, duration, exact, moment

UNDER_WAY = words.Look("under way", "play_circle", "running")
QUEUED = words.Look("queued", "schedule", "waiting")
SETTINGS_CHANGED = "settings changed since attempt 1"


class AttemptLine:
    """Builds one line of the list of attempts."""

    def __init__(self, platform: Platform, analysis_id: int, zone: ZoneInfo, memory: set[str]) -> None:
        self._platform, self._analysis_id = platform, analysis_id
        self._zone, self._memory = zone, memory

    def __call__(self, attempt: Attempt) -> None:
        """Show the attempt; it opens to its times, its reasons and its archive, which is read only then."""
        fold = Fold(
            f"attempt-{attempt.number}", f"Attempt {attempt.number}", self._memory, lambda: self._content(attempt)
        )
        with fold.header(), ui.element("div").classes("ba2-line"):
            ui.label(str(attempt.number)).classes("ba2-attempt-number")
            chip(look_of(attempt))
            ui.label(f"{words.TRIGGER[attempt.trigger.value]} by {who(attempt)}").classes("ba2-line-name")
            if attempt.error_code:
                ui.label(attempt.error_code)
            if attempt.settings_changed:
                ui.label(SETTINGS_CHANGED).classes("ba2-tag tone-warn")
            ui.label(moment(attempt.queued_at, self._zone)).classes("ba2-muted").props["title"] = exact(
                attempt.queued_at, self._zone
            )
            if attempt.finished_at:
                ui.label(took(attempt.started_at, attempt.finished_at)).classes("ba2-muted")

    async def _content(self, attempt: Attempt) -> None:
        facts(attempt_facts(attempt, self._zone))
        if attempt.error_message:
            with ui.element("div").classes("ba2-failure-message"):
                text_block(attempt.error_message)
                copy_button("Message", attempt.error_message)
        if attempt.has_archive:
            place = ui.element("div").classes("w-full")
            with reporting():
                archived = await off_loop(self._platform.monitoring.details.archive, self._analysis_id, attempt.number)
                with place:
                    self._show_archive(attempt.number, archived)

    def _show_archive(self, number: int, archived: Archived) -> None:
        key = f"attempt-{number}"
        if archived.recommendation:
            ui.label(archived_answer(archived.recommendation))
        for position, output in enumerate(archived.outputs):
            self._archived_output(f"{key}-output-{position}", output)
        if archived.traceback:
            traceback(archived.traceback, f"{key}-traceback", self._memory)
        if archived.state is not None:
            state(archived.state, f"{key}-state", self._memory)
        if not (archived.outputs or archived.recommendation or archived.traceback):
            quiet("This attempt left no outputs.")

    def _archived_output(self, key: str, output: dict[str, Any]) -> None:
        text = str(output.get("text") or "")
        fold = Fold(key, str(output.get("name")), self._memory, lambda: _prose(text))
        with fold.header():
            output_header(str(output.get("name")), str(output.get("type")), len(text))


def _prose(text: str) -> None:
    Prose(text)


def state(value: Any, key: str, memory: set[str]) -> None:
    """Fold the expert's own working state away."""

    def content() -> None:
        text = json_text(value)
        copy_button("State", text)
        text_block(text)

    fold = Fold(key, "Expert state", memory, content)
    with fold.header():
        ui.label("What the expert kept for itself, as JSON").classes("ba2-fold-title")


def look_of(attempt: Attempt) -> words.Look:
    """Return how an attempt ended, or how far it is."""
    if attempt.outcome is None:
        return UNDER_WAY if attempt.started_at else QUEUED
    return words.OUTCOME[attempt.outcome.value]


def who(attempt: Attempt) -> str:
    """Return the actor of an attempt, and where it came from when that was not a page."""
    return attempt.actor if attempt.actor_kind in ("user", "system") else f"{attempt.actor} ({attempt.actor_kind})"


def attempt_facts(attempt: Attempt, zone: ZoneInfo) -> tuple[Fact, ...]:
    """Return when and why an attempt was made, and with what."""
    environment = attempt.environment if isinstance(attempt.environment, dict) else {}
    waited = (attempt.started_at - attempt.queued_at).total_seconds() * 1000 if attempt.started_at else None
    items = [
        Fact("Why", attempt.reason or words.TRIGGER[attempt.trigger.value]),
        Fact("Who", who(attempt)),
        Fact("Mode", words.MODE[attempt.mode.value] + (f": {attempt.step}" if attempt.step else "")),
        Fact("Queued", exact(attempt.queued_at, zone)),
        Fact("Started", exact(attempt.started_at, zone)),
        Fact("Finished", exact(attempt.finished_at, zone)),
        Fact("Waited", duration(waited)),
        Fact("As of", exact(attempt.effective_as_of, zone)),
        Fact("Settings", DASH if attempt.config_revision is None else f"revision {attempt.config_revision}"),
        Fact("Provider", attempt.provider or DASH),
        Fact("Version", str(environment.get("version", DASH))),
        Fact("Prices", str(environment.get("prices", DASH))),
    ]
    choice = provider_words(attempt.provider_choice)
    if choice:
        items.append(Fact("Told to", choice))
    if attempt.after_code:
        answered = f"{attempt.after_code}, failed {exact(attempt.after_failed_at, zone)}"
        items.append(Fact("Answers", answered, f"/marketanalysis?code={attempt.after_code}"))
    if attempt.batch_id:
        items.append(Fact("Bulk re-run", str(attempt.batch_id), f"/bulk-reruns/{attempt.batch_id}"))
    if attempt.packed_into:
        items.append(Fact("Archive", f"packed into {attempt.packed_into}"))
    if attempt.failure_kind is not None:
        items.append(Fact("Kind", attempt.failure_kind.value))
    items += spend_facts(attempt)
    if attempt.fingerprint:
        items.append(Fact("Fingerprint", attempt.fingerprint))
    return tuple(items)


def provider_words(choice: Any) -> str:
    """Say whom an attempt was told to ask, or to leave out; empty when it was told nothing."""
    told = ProviderChoice.of(choice)
    parts = [f"ask {told.use}"] * bool(told.use) + [f"leave out {', '.join(told.leave_out)}"] * bool(told.leave_out)
    return ", ".join(parts)


def archived_answer(given: dict[str, Any]) -> str:
    """Say in one line what an earlier attempt recommended."""
    parts = [f"It recommended {given.get('recommended_action')}"]
    if given.get("confidence") is not None:
        parts.append(f"confidence {float(given['confidence']):.1f} %")
    levels = (("target", given.get("target_price")), ("stop", given.get("stop_price")))
    parts += [f"{name} {price}" for name, price in levels if price]
    return ", ".join(parts)
