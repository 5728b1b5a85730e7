"""End events: put final failures and confident recommendations into the outbox, in the transaction that ends them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select

from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.contracts.queue import EndedAttempt
from ba2_trade_platform.core.events.outbox import EventType, OutboxEvent, record_events, subscribed_types
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import AnyRow
from ba2_trade_platform.db.sql import is_status
from ba2_trade_platform.vocabulary import Outcome, Signal, Status

_A, _I = t.analysis.c, t.expert_instance.c
_ENDED = (
    select(
        _A.id, _A.symbol, _A.status, _A.error_code, func.substr(_A.error_message, 1, 500).label("message"),
        _A.fingerprint, _A.result_action, _A.result_confidence, _A.expert_instance_id, _I.alias,
    )
    .join(t.expert_instance, _I.id == _A.expert_instance_id)
    .where(
        _A.id.in_(bindparam("e_ids", expanding=True)),
        (is_status(_A.status, Status.FAILED))
        | ((_A.status == Status.COMPLETED) & _A.result_action.in_([Signal.BUY, Signal.SELL])
           & (_A.result_confidence >= bindparam("e_lowest"))),
    )
    .order_by(_A.id)
)  # fmt: skip
NEVER = 1000.0


def record_end_events(transaction: Transaction, ended: Sequence[EndedAttempt]) -> None:
    """Announce what of these somebody waits for: what failed for good, and confident recommendations.

    One that failed but is retried goes on, and is not recorded. Costs one small statement when there are any and
    nobody waits.
    """
    telling = [one for one in ended if one.final and one.outcome in (Outcome.FAILED, Outcome.COMPLETED)]
    session, analysis_ids = transaction.session, [one.analysis_id for one in telling]
    subscribed = subscribed_types(session) if analysis_ids else {}
    if not subscribed.keys() & {EventType.FAILED, EventType.CONFIDENT}:
        return
    lowest = subscribed.get(EventType.CONFIDENT, NEVER)
    at = max(one.finished_at for one in telling)
    rows = session.execute(_ENDED, {"e_ids": analysis_ids, "e_lowest": lowest})
    record_events(session, [_event(row, at) for row in rows])


def _event(row: AnyRow, at: datetime) -> OutboxEvent:
    facts: dict[str, Any] = {
        "analysis_id": row.id, "symbol": row.symbol, "expert": row.alias,
        "expert_instance_id": row.expert_instance_id, "link": f"/market_analysis/{row.id}",
    }  # fmt: skip
    if row.status is Status.FAILED:
        sentence = f"{row.error_code}: {row.message or ''}"
        facts |= {"code": row.error_code, "sentence": sentence, "label": f"{row.symbol} ({row.alias})"}
        return OutboxEvent(EventType.FAILED, row.fingerprint or str(row.error_code), at, facts)
    sentence = f"{row.result_action.value} {row.symbol}, {row.result_confidence:g} % ({row.alias})"
    facts |= {"confidence": row.result_confidence, "sentence": sentence}
    return OutboxEvent(EventType.CONFIDENT, f"expert {row.expert_instance_id}", at, facts)
