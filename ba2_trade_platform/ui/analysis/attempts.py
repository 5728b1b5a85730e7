"""Attempt list: the attempts of an analysis, newest first, each with its archived results."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.contracts.queue import ProviderChoice
from ba2_trade_platform.core.monitoring.attempt_history import Attempt
from ba2_trade_platform.core.monitoring.details import Archived
from ba2_trade_platform.ui.analysis.recommendation import expert_state, message_block, traceback
from ba2_trade_platform.ui.analysis.steps import output_line, spend_facts, took
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.feedback import off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Fact, chip, facts, fold, quiet
from ba2_trade_platform.ui.kit.times import DASH, duration, exact, moment

UNDER_WAY = words.Look("under way", "play_circle", "running")
QUEUED = words.Look("queued", "schedule", "waiting")
SETTINGS_CHANGED = "settings changed since attempt 1"


def attempt_line(platform: Platform, analysis_id: int, zone: ZoneInfo, memory: set[str], attempt: Attempt) -> None:
    """Show an attempt; it opens to its times, its reasons and its archive, which is read only then."""
    key = f"attempt-{attempt.number}"

    async def content() -> None:
        facts(attempt_facts(attempt, zone))
        if attempt.error_message:
            message_block(attempt.error_message)
        if attempt.has_archive:
            place = ui.element("div").classes("w-full")
            with reporting():
                archived = await off_loop(platform.monitoring.details.archive, analysis_id, attempt.number)
                with place:
                    _show_archive(archived, key, memory)

    with fold(key, f"Attempt {attempt.number}", memory, content), ui.element("div").classes("ba2-line"):
        ui.label(str(attempt.number)).classes("ba2-attempt-number")
        chip(look_of(attempt))
        ui.label(f"{words.TRIGGER[attempt.trigger.value]} by {who(attempt)}").classes("ba2-line-name")
        if attempt.error_code:
            ui.label(attempt.error_code)
        if attempt.settings_changed:
            ui.label(SETTINGS_CHANGED).classes("ba2-tag tone-warn")
        queued = ui.label(moment(attempt.queued_at, zone)).classes("ba2-muted")
        queued.props["title"] = exact(attempt.queued_at, zone)
        if attempt.finished_at:
            ui.label(took(attempt.started_at, attempt.finished_at)).classes("ba2-muted")


def _show_archive(archived: Archived, key: str, memory: set[str]) -> None:
    if archived.recommendation:
        ui.label(archived_answer(archived.recommendation))
    for position, output in enumerate(archived.outputs):
        name, kind, text = (str(output.get(part) or "") for part in ("name", "type", "text"))
        output_line(f"{key}-output-{position}", name, kind, text, memory, length=len(text))
    if archived.traceback:
        traceback(archived.traceback, f"{key}-traceback", memory)
    if archived.state is not None:
        expert_state(archived.state, f"{key}-state", memory)
    if not (archived.outputs or archived.recommendation or archived.traceback):
        quiet("This attempt left no outputs.")


def look_of(attempt: Attempt) -> words.Look:
    """Return how an attempt ended, or how far it is."""
    if attempt.outcome is None:
        return UNDER_WAY if attempt.started_at else QUEUED
    return words.OUTCOME[attempt.outcome.value]


def who(attempt: Attempt) -> str:
    """Return the actor of an attempt, and where it came from when that was not a page."""
    return attempt.actor if attempt.actor_kind in ("user", "system") else f"{attempt.actor} ({attempt.actor_kind})"


def attempt_facts(attempt: Attempt, zone: ZoneInfo) -> tuple[Fact | None, ...]:
    """Return when and why an attempt was made, and with what."""
    environment = attempt.environment if isinstance(attempt.environment, dict) else {}
    waited = (attempt.started_at - attempt.queued_at).total_seconds() * 1000 if attempt.started_at else None
    told, after, batch_id = provider_words(attempt.provider_choice), attempt.after_code, attempt.batch_id
    answered = f"{after}, failed {exact(attempt.after_failed_at, zone)}"
    return (
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
        Fact("Told to", told) if told else None,
        Fact("Answers", answered, f"/marketanalysis?code={after}") if after else None,
        Fact("Bulk re-run", str(batch_id), f"/bulk-reruns/{batch_id}") if batch_id else None,
        Fact("Archive", f"packed into {attempt.packed_into}") if attempt.packed_into else None,
        Fact("Kind", attempt.failure_kind.value) if attempt.failure_kind is not None else None,
        *spend_facts(attempt),
        Fact("Fingerprint", attempt.fingerprint) if attempt.fingerprint else None,
    )


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
