"""Step list: the newest attempt's steps with times and cost, and the outputs of each."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from nicegui import ui

from ba2_trade_platform.core.monitoring.attempt_history import Attempt
from ba2_trade_platform.core.monitoring.details import Step
from ba2_trade_platform.ui.analysis.output_reader import StepView, Written
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.formats import money
from ba2_trade_platform.ui.kit.markdown import Prose, text_block
from ba2_trade_platform.ui.kit.panels import Fact, Fold, facts, quiet
from ba2_trade_platform.ui.kit.times import duration, exact
from ba2_trade_platform.vocabulary import StepStatus


def took(started: datetime | None, finished: datetime | None) -> str:
    """Return how long something took, nothing while it goes on."""
    return duration((finished - started).total_seconds() * 1000) if started and finished else ""


class StepLine:
    """Builds one line of the list of steps."""

    def __init__(self, analysis_id: int, zone: ZoneInfo, memory: set[str]) -> None:
        self._analysis_id, self._zone, self._memory = analysis_id, zone, memory

    def __call__(self, view: StepView) -> None:
        """Show the step; it opens to its times, its error and what it wrote."""
        step = view.step
        fold = Fold(f"step-{step.id}", step.name, self._memory, lambda: self._content(view))
        with fold.header(), ui.element("div").classes("ba2-line"):
            look = words.STATUS[step.status.value]
            ui.icon(look.icon).classes(f"tone-{look.tone} ba2-line-icon").props["aria-label"] = look.word
            ui.label(step.name).classes("ba2-line-name")
            if step.reused_from_attempt:
                ui.label(f"kept from attempt {step.reused_from_attempt}").classes("ba2-muted")
            elif step.cost or step.at_least:
                ui.label(f"cost {money(step.cost, at_least=step.at_least)}").classes("ba2-muted ba2-hide-narrow")
            ui.label(took(step.started_at, step.finished_at) or look.word).classes("ba2-muted")

    def _content(self, view: StepView) -> None:
        facts(step_facts(view.step, self._zone))
        if view.step.error_message:
            with ui.element("div").classes("tone-bad"):
                text_block(view.step.error_message)
        for output in view.outputs:
            ui.label(output.name).classes("ba2-output-name")
            Prose(output.text, length=output.length, whole_at=outputs_url(self._analysis_id))
        if not view.outputs and view.step.status is not StepStatus.RUNNING:
            quiet("This step wrote no output.")


def step_facts(step: Step, zone: ZoneInfo) -> tuple[Fact, ...]:
    """Return the times of a step, and what it cost where that is known."""
    return (
        Fact("Started", exact(step.started_at, zone)),
        Fact("Finished", exact(step.finished_at, zone)),
        *([Fact("Provider", step.provider)] if step.provider else []),
        *spend_facts(step, kept=step.reused_from_attempt),
    )


def spend_facts(of: Step | Attempt, *, kept: int | None = None) -> list[Fact]:
    """Return the tokens and the cost of a step or an attempt that asked models; nothing of others."""
    if kept is not None:
        return [Fact("Cost", f"none, kept from attempt {kept}")] if of.cost is not None else []
    if not of.calls and not of.tokens and not of.cost:
        return []
    calls = [Fact("Model calls", f"{of.calls:,}")] if of.calls else []
    return [*calls, Fact("Tokens", f"{of.tokens or 0:,}"), Fact("Cost", money(of.cost, at_least=of.at_least))]


class OutputLine:
    """Builds one line of the list of outputs."""

    def __init__(self, analysis_id: int, memory: set[str]) -> None:
        self._analysis_id, self._memory = analysis_id, memory

    def __call__(self, output: Written) -> None:
        """Show the output; it opens to its text."""

        def content() -> None:
            Prose(output.text, length=output.length, whole_at=outputs_url(self._analysis_id))

        fold = Fold(f"output-{output.id}", output.name, self._memory, content)
        with fold.header():
            output_header(output.name, output.type, output.length)


def output_header(name: str, kind: str, length: int) -> None:
    """Show what an output is called, of what type it is and how long."""
    with ui.element("div").classes("ba2-line"):
        ui.icon("notes").classes("ba2-line-icon ba2-muted").props("aria-hidden=true")
        ui.label(name).classes("ba2-line-name")
        ui.label(kind).classes("ba2-muted ba2-hide-narrow")
        ui.label(f"{length:,} characters").classes("ba2-muted")


def outputs_url(analysis_id: int) -> str:
    """Where the API gives all outputs whole."""
    return f"/api/v1/analyses/{analysis_id}/outputs"
