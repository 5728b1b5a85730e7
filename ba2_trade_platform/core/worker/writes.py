"""Batched writes: write an attempt's results for many attempts at once, each fenced by its lease."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, bindparam, delete, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.contracts.experts import Verdict
from ba2_trade_platform.core.worker.buffers import WriteBatch
from ba2_trade_platform.core.worker.completions import Closer, close
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
_STEP = replacing(
    fenced(
        t.step, "position", "name", "status", "inputs_hash", "started_at", "finished_at", "error_message",
        "currency", "depends_on", "provider", "tokens", "cost",
        analysis_id=_ANALYSIS_ID, attempt=_ATTEMPT_NUMBER,
    ),
    ["analysis_id", "attempt", "position"],
    "name", "status", "inputs_hash", "started_at", "finished_at", "error_message", "depends_on", "provider", "tokens",
    "cost", "reused_from_attempt",
)  # fmt: skip
_STEP_RESULT = replacing(fenced(t.step_result, "result", step_id=_STEP_ID), ["step_id"], "result")
_OUTPUT = fenced(
    t.output, "type", "name", "text", "created_at",
    market_analysis_id=_ANALYSIS_ID, attempt=_ATTEMPT_NUMBER, step_id=_STEP_ID,
)  # fmt: skip
# The step's outputs of an earlier attempt, and not those that this attempt has already written again.
_DROP_REPLACED_OUTPUTS = delete(t.output).where(
    t.output.c.step_id == _STEP_ID, t.output.c.created_at < bindparam("f_since"), FENCE
)
# What was kept from an earlier attempt and not asked for is no part of a completed one.
_DROP_UNUSED_OUTPUTS = delete(t.output).where(t.output.c.step_id == _STEP_ID, FENCE)
_DROP_UNUSED_STEP = delete(t.step).where(t.step.c.id == _STEP_ID, FENCE)
_OUTPUT_ID = _OUTPUT.returning(t.output.c.id)
_RECOMMENDATION_VALUES = (
    "expert_instance_id", "symbol", "subtype", "recommended_action", "confidence", "expected_profit_percent",
    "price_at_date", "target_price", "stop_price", "currency", "risk_level", "time_horizon", "details",
    "effective_as_of", "is_current", "created_at",
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
    _steps(session, write_batches)
    _outputs(session, write_batches)
    many(session, _STATE, [{**fence(s), "v_state": s.state} for s in write_batches if s.state is not None])
    many(
        session,
        _PROGRESS,
        [
            {**fence(s), "v_progress": s.progress, "v_step": s.current_step}
            for s in write_batches
            if s.progress is not None and s.end is None
        ],
    )
    many(session, _ENVIRONMENT, [{**fence(s), "v_facts": s.facts} for s in write_batches if s.facts])
    many(session, _WARNING, [{**fence(s), "v_warning": said} for s in write_batches for said in s.warnings])
    _recommendations(session, write_batches)
    _drop_unused(session, write_batches)
    return close(
        transaction,
        [(write_batch, write_batch.end) for write_batch in write_batches if write_batch.end is not None],
        closer,
        now,
    )


def _steps(session: Session, write_batches: Iterable[WriteBatch]) -> None:
    steps = [(write_batch, record) for write_batch in write_batches for record in write_batch.steps.values()]
    replaced = [
        {**fence(write_batch), "f_position": record.position, "f_since": record.started_at}
        for write_batch, record in steps
        if record.replaces
    ]
    many(session, _DROP_REPLACED_OUTPUTS, replaced)
    many(
        session,
        _STEP,
        [
            {
                **fence(write_batch),
                "v_position": record.position,
                "v_name": record.name,
                "v_status": record.status,
                "v_inputs_hash": record.inputs_hash,
                "v_started_at": record.started_at,
                "v_finished_at": record.finished_at,
                "v_error_message": record.error_message,
                "v_currency": "USD",
                "v_depends_on": record.depends_on,
                "v_provider": record.provider,
                "v_tokens": record.tokens,
                "v_cost": record.cost,
            }
            for write_batch, record in steps
        ],
    )
    many(
        session,
        _STEP_RESULT,
        [
            {**fence(write_batch), "f_position": record.position, "v_result": record.result}
            for write_batch, record in steps
            if record.result is not None or record.replaces
        ],
    )


def _drop_unused(session: Session, write_batches: Iterable[WriteBatch]) -> None:
    ended = [(write_batch, write_batch.end) for write_batch in write_batches if write_batch.end is not None]
    unused = [{**fence(write_batch), "f_position": position} for write_batch, end in ended for position in end.unused]
    many(session, _DROP_UNUSED_OUTPUTS, unused)
    many(session, _DROP_UNUSED_STEP, unused)


def _outputs(session: Session, write_batches: Iterable[WriteBatch]) -> None:
    plain: list[dict[str, Any]] = []
    for write_batch in write_batches:
        for output in write_batch.outputs:
            row = {
                **fence(write_batch),
                "f_position": output.position,
                "v_type": output.type,
                "v_name": output.name,
                "v_text": output.text,
                "v_created_at": output.created_at,
            }
            if output.raw is None:
                plain.append(row)
                continue
            for (output_id,) in session.connection().execute(_OUTPUT_ID, row):
                session.execute(insert(t.raw_data).values(output_id=output_id, data=output.raw))
    many(session, _OUTPUT, plain)


def _recommendations(session: Session, write_batches: Iterable[WriteBatch]) -> None:
    rows = []
    for write_batch in write_batches:
        verdict = write_batch.end.verdict if write_batch.end and write_batch.end.verdict else write_batch.provisional
        if verdict is not None:
            rows.append({**fence(write_batch), **_recommendation(write_batch, verdict)})
    many(session, _RECOMMENDATION, rows)


def _recommendation(write_batch: WriteBatch, verdict: Verdict) -> dict[str, Any]:
    claim = write_batch.claim
    return {
        "v_expert_instance_id": claim.expert_instance_id,
        "v_symbol": claim.symbol,
        "v_subtype": claim.subtype,
        "v_recommended_action": verdict.action,
        "v_confidence": verdict.confidence,
        "v_expected_profit_percent": verdict.expected_profit_percent,
        "v_price_at_date": verdict.price,
        "v_target_price": verdict.target_price,
        "v_stop_price": verdict.stop_price,
        "v_currency": verdict.currency,
        "v_risk_level": verdict.risk_level,
        "v_time_horizon": verdict.time_horizon,
        "v_details": verdict.details,
        "v_effective_as_of": claim.as_of,
        "v_is_current": False,
        "v_created_at": write_batch.end.at if write_batch.end else claim.started_at,
    }
