"""Analysis snapshot: reads all that a detail page shows as comparable data, bounded in size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.monitoring.attempt_history import Attempt
from ba2_trade_platform.core.monitoring.details import Output, Recommendation, Step
from ba2_trade_platform.core.monitoring.job_list import AnalysisRow
from ba2_trade_platform.core.monitoring.rerun_outlook import RerunOutlook
from ba2_trade_platform.core.monitoring.timelines import Moment
from ba2_trade_platform.ui.kit.markdown import SENT_UP_TO
from ba2_trade_platform.vocabulary import Status


class Written(NamedTuple):
    """One output; `text` is its beginning when it is very long, `length` that of the whole."""

    id: int
    step_id: int | None
    type: str
    name: str
    text: str
    length: int


class StepView(NamedTuple):
    """One step with what it wrote."""

    step: Step
    outputs: tuple[Written, ...]


@dataclass(frozen=True)
class Reading:
    """What a page shows of one analysis."""

    row: AnalysisRow
    message: str | None
    traceback: str | None
    outputs: tuple[Written, ...]
    state: Any
    timeline: tuple[Moment, ...]
    attempts: tuple[Attempt, ...]
    steps: tuple[Step, ...] = ()
    recommendation: Recommendation | None = None
    open_providers: frozenset[str] = frozenset()
    outlook: RerunOutlook | None = None

    @property
    def present(self) -> Attempt:
        """The attempt that the steps and outputs belong to: the newest one, unless that was withdrawn."""
        return _present(self.row, self.attempts)

    @property
    def as_of(self) -> datetime | None:
        """The instant that this attempt looked at, or is to look at; None until it is known."""
        return self.present.effective_as_of or self.row.as_of

    def step_views(self) -> dict[int, StepView]:
        """Return the steps by id, each with what it wrote."""
        return {
            step.id: StepView(step, tuple(output for output in self.outputs if output.step_id == step.id))
            for step in self.steps
        }


def _present(row: AnalysisRow, attempts: Sequence[Attempt]) -> Attempt:
    return next((attempt for attempt in attempts if attempt.number == row.attempt), attempts[0])


def read(platform: Platform, analysis_id: int, shown: Reading | None = None) -> Reading:
    """Return what is known of an analysis now; only what others change is read when its row is as `shown`.

    Blocking. Raises NotFound.
    """
    details = platform.monitoring.details
    row, attempts = details.row(analysis_id), tuple(details.attempts(analysis_id))
    if shown is None or row != shown.row:
        present = _present(row, attempts)
        failed_with_trace = row.status is Status.FAILED and present.has_archive
        shown = Reading(
            row=row,
            message=details.error_message(analysis_id),
            traceback=details.archive(analysis_id, present.number).traceback if failed_with_trace else None,
            outputs=tuple(_written(output) for output in details.outputs(analysis_id)),
            state=details.state(analysis_id),
            timeline=tuple(details.timeline(analysis_id)),
            attempts=attempts,
        )
    return replace(
        shown,
        # Model calls end without touching the row: what its steps and attempts have cost may be new.
        attempts=attempts,
        steps=tuple(details.steps(analysis_id)),
        recommendation=details.recommendation(analysis_id),
        open_providers=platform.breakers.open_providers(),
        outlook=platform.monitoring.outlook.of([row]).get(row.id),
    )


def _written(given: Output) -> Written:
    return Written(given.id, given.step_id, given.type, given.name, given.text[: SENT_UP_TO + 1], len(given.text))
