"""Attempt archive: packs the results of an attempt, so that live tables hold only the newest one."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import JSON, Table, bindparam, delete, func, insert, select, update
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts.step_graphs import building_on
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert as upsert
from ba2_trade_platform.db.types import Money, UtcDateTime
from ba2_trade_platform.vocabulary import StepStatus

_T, _S = t.attempt.c, t.step.c


class Purged(NamedTuple):
    """How many live rows a purge took away."""

    outputs: int
    recommendations: int


def compress(value: object) -> bytes:
    """Return a JSON-able value as compressed bytes."""
    return zlib.compress(json.dumps(value, default=_to_json, separators=(",", ":")).encode())


def expand(data: bytes | None) -> Any:
    """Return what `compress` was given, None for None."""
    return None if data is None else json.loads(zlib.decompress(data))


def _to_json(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be archived")


# What a re-run clears or changes on the analysis itself, kept so that a re-run that is withdrawn leaves no trace there.
KEPT_COLUMNS = (
    "run_before", "held", "priority", "config_id", "retries_used", "rescues_used", "progress", "current_step",
    "available_at", "started_at", "finished_at", "duration_ms", "error_code", "error_message", "failure_kind",
    "fingerprint", "result_action", "result_confidence", "result_expected_profit", "worker_id",
)  # fmt: skip


def pack(session: Session, analysis_id: int, number: int, *, analysis: bool = False) -> None:
    """Keep the live outputs, recommendation, steps and state of an analysis in the archive of attempt `number`.

    `analysis`: the columns of the analysis itself too, by which `restore` makes it again what it was.
    """
    contents = _contents(session, analysis_id)
    if analysis:
        columns = select(*(t.analysis.c[name] for name in KEPT_COLUMNS)).where(t.analysis.c.id == analysis_id)
        contents["analysis"] = _rows(session, columns)[0]
    session.execute(_KEEP_CONTENTS, {"k_id": analysis_id, "k_number": number, "k_packed": compress(contents)})


def keep_tracebacks(session: Session, texts: Mapping[tuple[int, int], str]) -> None:
    """Keep tracebacks, by analysis and number of the attempt, beside whatever the archives of these attempts hold."""
    rows = [
        {"k_id": analysis_id, "k_number": number, "k_packed": zlib.compress(text.encode())}
        for (analysis_id, number), text in texts.items()
    ]
    if rows:
        session.connection().execute(_KEEP_TRACEBACK, rows)


def _keep(column: str) -> Any:
    """Return what sets `column` of an attempt's archive to k_packed, and makes the archive where there is none."""
    attempt_id = select(_T.id).where(_T.analysis_id == bindparam("k_id"), _T.number == bindparam("k_number"))
    statement = upsert(t.archive).values({"attempt_id": attempt_id.scalar_subquery(), column: bindparam("k_packed")})
    kept = {column: statement.excluded[column]}
    return statement.on_conflict_do_update(index_elements=["attempt_id"], set_=kept)


_KEEP_CONTENTS, _KEEP_TRACEBACK = _keep("contents"), _keep("traceback")


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
    of_analysis = t.output.c.market_analysis_id == analysis_id
    outputs = _rows(session, select(t.output).where(of_analysis).order_by(t.output.c.id))
    raw = select(t.raw_data.c.output_id, t.raw_data.c.data).join(t.output, t.output.c.id == t.raw_data.c.output_id)
    of_output = {row.output_id: row.data for row in session.execute(raw.where(of_analysis))}
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


def restore(session: Session, analysis_id: int, number: int, contents: Mapping[str, Any]) -> dict[str, Any]:
    """Make what an archive of attempt `number` holds live again, in the place of whatever is; undoes a `pack`.

    Rows come back under their old ids, which are never given to others. Returns the columns of the analysis that are
    to be set with it.
    """
    purge(session, analysis_id)
    for step in contents["steps"]:
        values = dict(step)
        result = values.pop("result")
        session.execute(insert(t.step).values(_typed(t.step, values)))
        if result is not None:
            session.execute(insert(t.step_result).values(step_id=values["id"], result=result))
    for output in contents["outputs"]:
        values = dict(output)
        raw = values.pop("raw", None)
        session.execute(insert(t.output).values(_typed(t.output, values)))
        if raw is not None:
            session.execute(insert(t.raw_data).values(output_id=values["id"], data=compress(raw)))
    if contents["recommendation"] is not None:
        session.execute(insert(t.recommendation).values(_typed(t.recommendation, contents["recommendation"])))
    attempt_id = select(_T.id).where(_T.analysis_id == analysis_id, _T.number == number)
    of_attempt = t.archive.c.attempt_id == attempt_id.scalar_subquery()
    session.execute(delete(t.archive).where(of_attempt, t.archive.c.traceback.is_(None)))
    session.execute(update(t.archive).where(of_attempt).values(contents=None))
    return {**_typed(t.analysis, contents["analysis"]), "state": contents["state"]}


def _typed(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that JSON has kept as the types of their columns."""
    return {name: _as_type(table.c[name].type, value) for name, value in values.items()}


def _as_type(kind: Any, value: Any) -> Any:
    if value is None or isinstance(kind, JSON):
        return value
    if isinstance(kind, UtcDateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, Money):
        return Decimal(value)
    return kind.enum_class(value) if isinstance(kind, SqlEnum) and kind.enum_class is not None else value


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
    steps = session.execute(
        select(_S.id, _S.position, _S.name, _S.status, _S.depends_on).where(_S.analysis_id == analysis_id)
    ).all()
    unfinished = [step for step in steps if step.status is not StepStatus.COMPLETED]
    building = building_on(steps, [step.name for step in unfinished])
    gone = {*drop, *building, *(step.id for step in unfinished)}
    written, of_step = t.output.c.market_analysis_id == analysis_id, t.output.c.step_id
    deleted = session.execute(delete(t.output).where(written, of_step.is_(None) | of_step.in_(gone)))
    session.execute(delete(t.step).where(_S.id.in_(gone)))
    reused_from = func.coalesce(_S.reused_from_attempt, _S.attempt)
    kept = update(t.step).where(_S.analysis_id == analysis_id)
    session.execute(kept.values(attempt=to_attempt, tokens=0, cost=Decimal(0), reused_from_attempt=reused_from))
    for table in (t.output, t.recommendation):
        session.execute(update(table).where(table.c.market_analysis_id == analysis_id).values(attempt=to_attempt))
    return int(deleted.rowcount)  # type: ignore[attr-defined]  # CursorResult, by construction


def _rows(session: Session, statement: Any) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in session.execute(statement)]  # noqa: SLF001 - SQLAlchemy's public name
