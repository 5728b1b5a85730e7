"""Step list: the newest attempt's steps with times and cost, and the outputs of each."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from nicegui import ui

from ba2_trade_platform.core.monitoring.attempt_history import Attempt
from ba2_trade_platform.core.monitoring.details import Step
from ba2_trade_platform.ui.analysis.output_reader import StepView, Written
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.formats import money, tokens_count
from ba2_trade_platform.ui.kit.markdown import Prose, text_block
from ba2_trade_platform.ui.kit.panels import Fact, facts, fold, quiet
from ba2_trade_platform.ui.kit.times import duration, exact
from ba2_trade_platform.vocabulary import StepStatus

THINKING = "thinking"  # an output that few people read: it opens by itself


def took(started: datetime | None, finished: datetime | None) -> str:
    """Return how long something took, nothing while it goes on."""
    return duration((finished - started).total_seconds() * 1000) if started and finished else ""


def step_line(analysis_id: int, zone: ZoneInfo, memory: set[str], view: StepView) -> None:
    """Show a step; it opens to its times, its error and what it wrote."""
    step, look = view.step, words.STATUS[view.step.status.value]

    def content() -> None:
        facts(step_facts(step, zone))
        if step.error_message:
            with ui.element("div").classes("tone-bad"):
                text_block(step.error_message)
        for output in view.outputs:
            if output.type == THINKING:
                written_line(analysis_id, memory, output)
                continue
            ui.label(output.name).classes("ba2-output-name")
            Prose(output.text, length=output.length, whole_at=outputs_url(analysis_id))
        if not view.outputs and step.status is not StepStatus.RUNNING:
            quiet("This step wrote no output.")

    with fold(f"step-{step.id}", step.name, memory, content), ui.element("div").classes("ba2-line"):
        ui.icon(look.icon).classes(f"tone-{look.tone} ba2-line-icon").props["aria-label"] = look.word
        ui.label(step.name).classes("ba2-line-name")
        if step.reused_from_attempt:
            ui.label(f"kept from attempt {step.reused_from_attempt}").classes("ba2-muted")
        elif step.cost or step.at_least:
            ui.label(f"cost {money(step.cost, at_least=step.at_least)}").classes("ba2-muted ba2-hide-narrow")
        ui.label(took(step.started_at, step.finished_at) or look.word).classes("ba2-muted")


def step_facts(step: Step, zone: ZoneInfo) -> tuple[Fact | None, ...]:
    """Return the times of a step, and what it cost where that is known."""
    kept = step.reused_from_attempt
    cost = [Fact("Cost", f"none, kept from attempt {kept}") if step.cost is not None else None]
    return (
        Fact("Started", exact(step.started_at, zone)),
        Fact("Finished", exact(step.finished_at, zone)),
        Fact("Provider", step.provider) if step.provider else None,
        *(spend_facts(step) if kept is None else cost),
    )


def spend_facts(of: Step | Attempt) -> list[Fact | None]:
    """Return the tokens and the cost of a step or an attempt that asked models; nothing of others."""
    if not of.calls and not of.tokens and not of.cost:
        return []
    calls = Fact("Model calls", f"{of.calls:,}") if of.calls else None
    tokens = tokens_count(of.tokens or 0, at_least=of.tokens_at_least)
    return [calls, Fact("Tokens", tokens), Fact("Cost", money(of.cost, at_least=of.at_least))]


def written_line(analysis_id: int, memory: set[str], output: Written) -> None:
    """Show an output of the newest attempt, which is sent whole by the API alone when it is very long."""
    key, whole_at = f"output-{output.id}", outputs_url(analysis_id)
    output_line(key, output.name, output.type, output.text, memory, length=output.length, whole_at=whole_at)


def output_line(
    key: str, name: str, kind: str, text: str, memory: set[str], *, length: int, whole_at: str | None = None
) -> None:
    """Show what an output is called, of what type it is and how long; it opens to its text."""
    content = partial(Prose, text, length=length, whole_at=whole_at)
    with fold(key, name, memory, content), ui.element("div").classes("ba2-line"):
        ui.icon("notes").classes("ba2-line-icon ba2-muted").props("aria-hidden=true")
        ui.label(name).classes("ba2-line-name")
        ui.label(kind).classes("ba2-muted ba2-hide-narrow")
        ui.label(f"{length:,} characters").classes("ba2-muted")


def outputs_url(analysis_id: int) -> str:
    """Where the API gives all outputs whole."""
    return f"/api/v1/analyses/{analysis_id}/outputs"
