"""Writes sheets down, in batches; every statement is fenced by the lease, so a stale worker's write changes no row."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, delete, exists, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts import ITEM_OUTCOMES, settle_batches
from ba2_trade_platform.core.contracts import Verdict
from ba2_trade_platform.core.queue.records import End, Sheet
from ba2_trade_platform.core.recommendations import Subject, refresh_current
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.enums import ItemOutcome, Outcome, Status, StepStatus

STATUS_AFTER = {
    Outcome.COMPLETED: Status.COMPLETED,
    Outcome.FAILED: Status.FAILED,
    Outcome.SKIPPED: Status.SKIPPED,
}
_HELD = (
    (t.analysis.c.id == bindparam("f_id"))
    & (t.analysis.c.attempt == bindparam("f_attempt"))
    & (t.analysis.c.lease_token == bindparam("f_token"))
    & (t.analysis.c.status == Status.RUNNING)
)
_FENCE = exists().where(_HELD).correlate(None)
_ATTEMPT = (t.attempt.c.analysis_id == bindparam("f_id")) & (t.attempt.c.number == bindparam("f_attempt"))
_STEP_ID = (
    select(t.step.c.id)
    .where(
        t.step.c.analysis_id == bindparam("f_id"),
        t.step.c.attempt == bindparam("f_attempt"),
        t.step.c.position == bindparam("f_position"),
    )
    .scalar_subquery()
)


def _fenced(table: Table, *columns: str, **computed: ColumnElement[Any]) -> Any:
    """Return INSERT ... SELECT ... WHERE the lease is held, with a parameter for each of `columns`."""
    values = [bindparam(f"v_{column}", type_=table.c[column].type) for column in columns]
    chosen = select(*values, *computed.values()).where(_FENCE)
    return insert(table).from_select([*columns, *computed], chosen, include_defaults=False)


def _replacing(statement: Any, keys: Sequence[str], *columns: str) -> Any:
    return statement.on_conflict_do_update(
        index_elements=keys, set_={column: statement.excluded[column] for column in columns}
    )


_ANALYSIS_ID = bindparam("f_id", type_=t.analysis.c.id.type)
_ATTEMPT_NUMBER = bindparam("f_attempt", type_=t.analysis.c.attempt.type)
_STEP = _replacing(
    _fenced(
        t.step, "position", "name", "status", "inputs_hash", "started_at", "finished_at", "error_message",
        "currency",
        analysis_id=_ANALYSIS_ID, attempt=_ATTEMPT_NUMBER,
    ),
    ["analysis_id", "attempt", "position"],
    "name", "status", "inputs_hash", "started_at", "finished_at", "error_message", "reused_from_attempt",
)  # fmt: skip
_STEP_RESULT = _replacing(_fenced(t.step_result, "result", step_id=_STEP_ID), ["step_id"], "result")
_OUTPUT = _fenced(
    t.output, "type", "name", "text", "created_at",
    market_analysis_id=_ANALYSIS_ID, attempt=_ATTEMPT_NUMBER, step_id=_STEP_ID,
)  # fmt: skip
# The step's outputs of an earlier attempt, and not those that this attempt has already written again.
_DROP_REPLACED_OUTPUTS = delete(t.output).where(
    t.output.c.step_id == _STEP_ID, t.output.c.created_at < bindparam("f_since"), _FENCE
)
_OUTPUT_ID = _OUTPUT.returning(t.output.c.id)
_RECOMMENDATION_VALUES = (
    "expert_instance_id", "symbol", "subtype", "recommended_action", "confidence", "expected_profit_percent",
    "price_at_date", "target_price", "stop_price", "currency", "risk_level", "time_horizon", "details",
    "effective_as_of", "is_current", "created_at",
)  # fmt: skip
_RECOMMENDATION = _replacing(
    _fenced(t.recommendation, *_RECOMMENDATION_VALUES, market_analysis_id=_ANALYSIS_ID, attempt=_ATTEMPT_NUMBER),
    ["market_analysis_id"],
    "attempt",
    *_RECOMMENDATION_VALUES,
)
_STATE = update(t.analysis).where(_HELD).values(state=bindparam("v_state"))
_PROGRESS = (
    update(t.analysis)
    .where(_HELD)
    .values(progress=bindparam("v_progress"), current_step=bindparam("v_step"), version=t.analysis.c.version + 1)
)
_CLOSE_ATTEMPT = (
    update(t.attempt)
    .where(_ATTEMPT, _FENCE)
    .values({
        name: bindparam(f"v_{name}")
        for name in ("outcome", "finished_at", "error_code", "error_message", "failure_kind", "fingerprint")
    })
)  # fmt: skip
# No step goes on without its attempt; in one that completed there is none.
_CLOSE_STEPS = (
    update(t.step)
    .where(
        t.step.c.analysis_id == bindparam("f_id"),
        t.step.c.attempt == bindparam("f_attempt"),
        t.step.c.status == StepStatus.RUNNING,
        _FENCE,
    )
    .values(
        status=StepStatus.FAILED,
        finished_at=bindparam("v_finished_at"),
        error_message=bindparam("v_error_message"),
    )
)
_TRACEBACK = _replacing(
    _fenced(t.archive, "traceback", attempt_id=select(t.attempt.c.id).where(_ATTEMPT).scalar_subquery()),
    ["attempt_id"],
    "traceback",
)
_SETTLE_ITEMS = (
    update(t.batch_item)
    .where(t.batch_item.c.analysis_id == bindparam("f_id"), t.batch_item.c.outcome == ItemOutcome.QUEUED, _FENCE)
    .values(outcome=bindparam("v_outcome"), reason=bindparam("v_reason"))
)
_WAITING_BATCHES = select(t.batch_item.c.batch_id).where(
    t.batch_item.c.analysis_id.in_(bindparam("w_ids", expanding=True)), t.batch_item.c.outcome == ItemOutcome.QUEUED
)
_CLOSE = (
    update(t.analysis)
    .where(_HELD)
    .values({
        "current_step": None,
        "lease_token": None,
        "lease_until": None,
        "version": t.analysis.c.version + 1,
        "updated_at": bindparam("v_finished_at"),
        "progress": func.coalesce(bindparam("v_progress"), t.analysis.c.progress),
        **{
            name: bindparam(f"v_{name}")
            for name in (
                "status", "finished_at", "duration_ms", "error_code", "error_message", "failure_kind",
                "fingerprint", "result_action", "result_confidence", "result_expected_profit",
            )
        },
    })
)  # fmt: skip


def write_down(session: Session, sheets: Sequence[Sheet]) -> int:
    """Write what the sheets say and close what ended; return how many ends came too late and changed nothing."""
    _steps(session, sheets)
    _outputs(session, sheets)
    _many(session, _STATE, [{**_fence(s), "v_state": s.state} for s in sheets if s.state is not None])
    _many(
        session,
        _PROGRESS,
        [
            {**_fence(s), "v_progress": s.progress, "v_step": s.current_step}
            for s in sheets
            if s.progress is not None and s.end is None
        ],
    )
    _recommendations(session, sheets)
    return _close(session, [(sheet, sheet.end) for sheet in sheets if sheet.end is not None])


def _fence(sheet: Sheet) -> dict[str, Any]:
    claim = sheet.claim
    return {"f_id": claim.analysis_id, "f_attempt": claim.attempt, "f_token": claim.token}


def _many(session: Session, statement: Any, rows: list[dict[str, Any]]) -> int:
    if not rows:
        return 0
    result: Any = session.connection().execute(statement, rows)
    return int(result.rowcount)


def _steps(session: Session, sheets: Iterable[Sheet]) -> None:
    steps = [(sheet, record) for sheet in sheets for record in sheet.steps.values()]
    replaced = [
        {**_fence(sheet), "f_position": record.position, "f_since": record.started_at}
        for sheet, record in steps
        if record.replaces
    ]
    _many(session, _DROP_REPLACED_OUTPUTS, replaced)
    _many(
        session,
        _STEP,
        [
            {
                **_fence(sheet),
                "v_position": record.position,
                "v_name": record.name,
                "v_status": record.status,
                "v_inputs_hash": record.inputs_hash,
                "v_started_at": record.started_at,
                "v_finished_at": record.finished_at,
                "v_error_message": record.error_message,
                "v_currency": "USD",
            }
            for sheet, record in steps
        ],
    )
    _many(
        session,
        _STEP_RESULT,
        [
            {**_fence(sheet), "f_position": record.position, "v_result": record.result}
            for sheet, record in steps
            if record.result is not None or record.replaces
        ],
    )


def _outputs(session: Session, sheets: Iterable[Sheet]) -> None:
    plain: list[dict[str, Any]] = []
    for sheet in sheets:
        for output in sheet.outputs:
            row = {
                **_fence(sheet),
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
    _many(session, _OUTPUT, plain)


def _recommendations(session: Session, sheets: Iterable[Sheet]) -> None:
    rows = []
    for sheet in sheets:
        verdict = sheet.end.verdict if sheet.end and sheet.end.verdict else sheet.provisional
        if verdict is not None:
            rows.append({**_fence(sheet), **_recommendation(sheet, verdict)})
    _many(session, _RECOMMENDATION, rows)


def _recommendation(sheet: Sheet, verdict: Verdict) -> dict[str, Any]:
    claim = sheet.claim
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
        "v_created_at": sheet.end.at if sheet.end else claim.started_at,
    }


def _close(session: Session, ended: Sequence[tuple[Sheet, End]]) -> int:
    if not ended:
        return 0
    rows = [{**_fence(sheet), **_ending(sheet, end)} for sheet, end in ended]
    attempt = ("outcome", "finished_at", "error_code", "error_message", "failure_kind", "fingerprint")
    fence = ("f_id", "f_attempt", "f_token")
    _many(session, _CLOSE_ATTEMPT, [_pick(row, *fence, *(f"v_{name}" for name in attempt)) for row in rows])
    unfinished = [row for row, (_, end) in zip(rows, ended, strict=True) if end.failure]
    _many(session, _CLOSE_STEPS, [_pick(row, *fence, "v_finished_at", "v_error_message") for row in unfinished])
    tracebacks = [
        {**_fence(sheet), "v_traceback": zlib.compress(end.failure.traceback.encode())}
        for sheet, end in ended
        if end.failure and end.failure.traceback
    ]
    _many(session, _TRACEBACK, tracebacks)
    batches = set(session.scalars(_WAITING_BATCHES, {"w_ids": [sheet.claim.analysis_id for sheet, _ in ended]}))
    if batches:
        items = [
            {**_fence(sheet), "v_outcome": ITEM_OUTCOMES[end.outcome], "v_reason": end.failure and end.failure.message}
            for sheet, end in ended
        ]
        _many(session, _SETTLE_ITEMS, items)
        settle_batches(session, batches)
    closing = [{key: value for key, value in row.items() if key != "v_outcome"} for row in rows]
    closed = _many(session, _CLOSE, closing)
    refresh_current(
        session,
        (
            Subject(sheet.claim.expert_instance_id, sheet.claim.symbol, sheet.claim.subtype)
            for sheet, end in ended
            if end.outcome is Outcome.COMPLETED
        ),
    )
    return len(ended) - closed


def _pick(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _ending(sheet: Sheet, end: End) -> dict[str, Any]:
    failed, verdict = end.failure, end.verdict
    return {
        "v_outcome": end.outcome,
        "v_status": STATUS_AFTER[end.outcome],
        "v_finished_at": end.at,
        "v_duration_ms": max(0, round((end.at - sheet.claim.started_at).total_seconds() * 1000)),
        "v_progress": 100 if end.outcome is Outcome.COMPLETED else sheet.progress,
        "v_error_code": failed.code.value if failed else None,
        "v_error_message": failed.message if failed else None,
        "v_failure_kind": failed.kind if failed else None,
        "v_fingerprint": failed.fingerprint if failed else None,
        "v_result_action": verdict.action if verdict else None,
        "v_result_confidence": verdict.confidence if verdict else None,
        "v_result_expected_profit": verdict.expected_profit_percent if verdict else None,
    }
