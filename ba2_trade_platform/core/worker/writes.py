"""Batched writes: write an attempt's results for many attempts at once, each fenced by its lease."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, bindparam, delete, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.worker.buffers import WriteBatch
from ba2_trade_platform.core.worker.completions import Closer
from ba2_trade_platform.core.worker.fencing import ATTEMPT, FENCE, LEASED, fence, fenced, many, replacing
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import append_json, insert, merge_json

_STEP_ID = (
    select(t.step.c.id)
    .where(
        t.step.c.analysis_id == bindparam("f_id"),
        t.step.c.attempt == bindparam("f_attempt"),
        t.step.c.position == bindparam("f_position"),
    )
    .scalar_subquery()
)
_ANALYSIS_ID = bindparam("f_id", type_=t.analysis.c.id.type)
_ATTEMPT_NUMBER = bindparam("f_attempt", type_=t.analysis.c.attempt.type)
# Fields of a record or of a verdict that have a column of the same name.
_OF_STEP = (
    "name", "status", "inputs_hash", "started_at", "finished_at", "error_message", "depends_on", "provider", "tokens",
    "cost",
)  # fmt: skip
_OF_OUTPUT = ("type", "name", "text", "created_at")
_OF_VERDICT = (
    "confidence", "expected_profit_percent", "target_price", "stop_price", "currency", "risk_level", "time_horizon",
    "details",
)  # fmt: skip
_STEP = replacing(
    fenced(t.step, "position", "currency", *_OF_STEP, analysis_id=_ANALYSIS_ID, attempt=_ATTEMPT_NUMBER),
    ["analysis_id", "attempt", "position"],
    *_OF_STEP,
    "reused_from_attempt",
)
_STEP_RESULT = replacing(fenced(t.step_result, "result", step_id=_STEP_ID), ["step_id"], "result")
_OUTPUT = fenced(t.output, *_OF_OUTPUT, market_analysis_id=_ANALYSIS_ID, attempt=_ATTEMPT_NUMBER, step_id=_STEP_ID)
# The step's outputs of an earlier attempt, and not those that this attempt has already written again.
_DROP_REPLACED_OUTPUTS = delete(t.output).where(
    t.output.c.step_id == _STEP_ID, t.output.c.created_at < bindparam("f_since"), FENCE
)
# What was kept from an earlier attempt and not asked for is no part of a completed one.
_DROP_UNUSED_OUTPUTS = delete(t.output).where(t.output.c.step_id == _STEP_ID, FENCE)
_DROP_UNUSED_STEP = delete(t.step).where(t.step.c.id == _STEP_ID, FENCE)
_OUTPUT_ID = _OUTPUT.returning(t.output.c.id)
_RECOMMENDATION_VALUES = (
    "expert_instance_id", "symbol", "subtype", "recommended_action", "price_at_date", *_OF_VERDICT, "effective_as_of",
    "is_current", "created_at",
)  # fmt: skip
_RECOMMENDATION = replacing(
    fenced(t.recommendation, *_RECOMMENDATION_VALUES, market_analysis_id=_ANALYSIS_ID, attempt=_ATTEMPT_NUMBER),
    ["market_analysis_id"],
    "attempt",
    *_RECOMMENDATION_VALUES,
)
_STATE = update(t.analysis).where(LEASED).values(state=bindparam("v_state"))
# Merged by the database, so that what the claim stamped stays and nothing has to be read first.
_ENVIRONMENT = (
    update(t.attempt)
    .where(ATTEMPT, FENCE)
    .values(environment=merge_json(t.attempt.c.environment, bindparam("v_facts", type_=JSON)))
)
_WARNING = (
    update(t.attempt).where(ATTEMPT, FENCE).values(warnings=append_json(t.attempt.c.warnings, bindparam("v_warning")))
)
_PROGRESS = (
    update(t.analysis)
    .where(LEASED)
    .values(progress=bindparam("v_progress"), current_step=bindparam("v_step"), version=t.analysis.c.version + 1)
)


def write_down(transaction: Transaction, write_batches: Sequence[WriteBatch], closer: Closer, now: datetime) -> int:
    """Write what the batches say and close what ended; return how many ends came too late and changed nothing."""
    session = transaction.session
    ended = [(batch, batch.end) for batch in write_batches if batch.end is not None]
    _steps(session, write_batches)
    _outputs(session, write_batches)
    states = [{**fence(batch), "v_state": batch.state} for batch in write_batches if batch.state is not None]
    many(session, _STATE, states)
    progress = [
        {**fence(batch), "v_progress": batch.progress, "v_step": batch.current_step}
        for batch in write_batches
        if batch.progress is not None and batch.end is None
    ]
    many(session, _PROGRESS, progress)
    many(session, _ENVIRONMENT, [{**fence(batch), "v_facts": batch.facts} for batch in write_batches if batch.facts])
    warnings = [{**fence(batch), "v_warning": sentence} for batch in write_batches for sentence in batch.warnings]
    many(session, _WARNING, warnings)
    many(session, _RECOMMENDATION, [row for batch in write_batches if (row := _recommendation(batch))])
    unused = [{**fence(batch), "f_position": position} for batch, end in ended for position in end.unused]
    many(session, _DROP_UNUSED_OUTPUTS, unused)
    many(session, _DROP_UNUSED_STEP, unused)
    return closer.close(transaction, ended, now)


def _steps(session: Session, write_batches: Sequence[WriteBatch]) -> None:
    steps = [
        ({**fence(batch), "f_position": record.position}, record)
        for batch in write_batches
        for record in batch.steps.values()
    ]
    replaced = [{**key, "f_since": record.started_at} for key, record in steps if record.replaces]
    many(session, _DROP_REPLACED_OUTPUTS, replaced)
    written = [
        {**key, "v_position": record.position, "v_currency": "USD", **_values(record, _OF_STEP)}
        for key, record in steps
    ]
    many(session, _STEP, written)
    results = [
        {**key, "v_result": record.result} for key, record in steps if record.result is not None or record.replaces
    ]
    many(session, _STEP_RESULT, results)


def _outputs(session: Session, write_batches: Sequence[WriteBatch]) -> None:
    plain: list[dict[str, Any]] = []
    for batch in write_batches:
        for output in batch.outputs:
            row = {**fence(batch), "f_position": output.position, **_values(output, _OF_OUTPUT)}
            if output.raw is None:
                plain.append(row)
                continue
            for (output_id,) in session.connection().execute(_OUTPUT_ID, row):
                session.execute(insert(t.raw_data).values(output_id=output_id, data=output.raw))
    many(session, _OUTPUT, plain)


def _recommendation(batch: WriteBatch) -> dict[str, Any] | None:
    """Return the row of what an attempt recommends, for good or for now; None where it does not."""
    end, claim = batch.end, batch.claim
    verdict = end.verdict if end and end.verdict else batch.provisional
    if verdict is None:
        return None
    return {
        **fence(batch),
        **_values(claim, ("expert_instance_id", "symbol", "subtype")),
        "v_recommended_action": verdict.action,
        "v_price_at_date": verdict.price,
        **_values(verdict, _OF_VERDICT),
        "v_effective_as_of": claim.as_of,
        "v_is_current": False,
        "v_created_at": end.at if end else claim.started_at,
    }


def _values(record: object, names: Iterable[str]) -> dict[str, Any]:
    return {f"v_{name}": getattr(record, name) for name in names}
