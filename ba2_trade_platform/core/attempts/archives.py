"""Packs what an attempt left into its archive: evidence stays, live tables hold only the newest attempt."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts.step_graphs import building_on
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import StepStatus


@dataclass(frozen=True)
class Purged:
    """How many live rows a purge took away."""

    outputs: int
    recommendations: int


def compress(value: object) -> bytes:
    """Return a JSON-able value as compressed bytes."""
    return zlib.compress(json.dumps(value, default=_plain, separators=(",", ":")).encode())


def expand(data: bytes | None) -> Any:
    """Return what `compress` was given, None for None."""
    return None if data is None else json.loads(zlib.decompress(data))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Enum):
        return str(value.value)
    raise TypeError(f"{type(value).__name__} cannot be archived")


def pack(session: Session, analysis_id: int, number: int) -> None:
    """Keep the live outputs, recommendation, steps and state of an analysis in the archive of attempt `number`."""
    attempt_id = session.scalar(
        select(t.attempt.c.id).where(t.attempt.c.analysis_id == analysis_id, t.attempt.c.number == number)
    )
    packed = compress(_contents(session, analysis_id))
    session.execute(
        upsert(t.archive)
        .values(attempt_id=attempt_id, contents=packed)
        .on_conflict_do_update(index_elements=["attempt_id"], set_={"contents": packed})
    )


def hand_on(session: Session, analysis_id: int, attempt: int, *, resume: bool) -> dict[str, Any]:
    """Pack what `attempt` left, and keep for the next one what a resume can use; return what of the row is cleared."""
    pack(session, analysis_id, attempt)
    if resume:
        carry_over(session, analysis_id, attempt + 1)
        return {}
    purge(session, analysis_id)
    return {"state": None, "progress": 0}


def live(session: Session, analysis_id: int) -> Any:
    """Return the live rows of an analysis in the very shape that its archive would have."""
    return expand(compress(_contents(session, analysis_id)))


def _contents(session: Session, analysis_id: int) -> dict[str, Any]:
    raw = select(t.raw_data.c.output_id, t.raw_data.c.data).join(t.output, t.output.c.id == t.raw_data.c.output_id)
    outputs = _rows(
        session, select(t.output).where(t.output.c.market_analysis_id == analysis_id).order_by(t.output.c.id)
    )
    of_output = {
        row.output_id: row.data for row in session.execute(raw.where(t.output.c.market_analysis_id == analysis_id))
    }
    for output in outputs:
        if output["id"] in of_output:
            output["raw"] = expand(of_output[output["id"]])
    steps = select(t.step, t.step_result.c.result).outerjoin(t.step_result, t.step_result.c.step_id == t.step.c.id)
    recommendations = select(t.recommendation).where(t.recommendation.c.market_analysis_id == analysis_id)
    return {
        "outputs": outputs,
        "recommendation": next(iter(_rows(session, recommendations)), None),
        "steps": _rows(session, steps.where(t.step.c.analysis_id == analysis_id).order_by(t.step.c.position)),
        "state": session.scalar(select(t.analysis.c.state).where(t.analysis.c.id == analysis_id)),
    }


def purge(session: Session, analysis_id: int) -> Purged:
    """Delete the live outputs, recommendation and steps of an analysis."""
    outputs = session.execute(delete(t.output).where(t.output.c.market_analysis_id == analysis_id))
    recommendations = purge_recommendation(session, analysis_id)
    session.execute(delete(t.step).where(t.step.c.analysis_id == analysis_id))
    return Purged(outputs.rowcount, recommendations)  # type: ignore[attr-defined]  # CursorResult, by construction


def purge_recommendation(session: Session, analysis_id: int) -> int:
    """Delete the live recommendation of an analysis; return how many there were."""
    gone = session.execute(delete(t.recommendation).where(t.recommendation.c.market_analysis_id == analysis_id))
    return int(gone.rowcount)  # type: ignore[attr-defined]  # CursorResult, by construction


def carry_over(session: Session, analysis_id: int, to_attempt: int, drop: Collection[int] = ()) -> int:
    """Keep the completed steps of an analysis and what they wrote for attempt `to_attempt`; delete the rest.

    Steps with an id in `drop` are deleted although they completed, and so is what builds on a step that did not.
    Returns how many outputs were deleted.
    """
    s = t.step.c
    steps = session.execute(
        select(s.id, s.position, s.name, s.status, s.depends_on).where(s.analysis_id == analysis_id)
    )
    recorded = steps.all()
    unfinished = [step for step in recorded if step.status is not StepStatus.COMPLETED]
    building = building_on(recorded, [step.name for step in unfinished])
    gone = {*drop, *building, *(step.id for step in unfinished)}
    deleted = session.execute(
        delete(t.output).where(
            t.output.c.market_analysis_id == analysis_id,
            t.output.c.step_id.is_(None) | t.output.c.step_id.in_(gone),
        )
    )
    session.execute(delete(t.step).where(t.step.c.id.in_(gone)))
    session.execute(
        update(t.step)
        .where(t.step.c.analysis_id == analysis_id)
        .values(
            attempt=to_attempt,
            tokens=0,
            cost=Decimal(0),
            reused_from_attempt=func.coalesce(t.step.c.reused_from_attempt, t.step.c.attempt),
        )
    )
    for table in (t.output, t.recommendation):
        session.execute(update(table).where(table.c.market_analysis_id == analysis_id).values(attempt=to_attempt))
    return int(deleted.rowcount)  # type: ignore[attr-defined]  # CursorResult, by construction


def _rows(session: Session, statement: Any) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in session.execute(statement)]  # noqa: SLF001 - SQLAlchemy's public name
