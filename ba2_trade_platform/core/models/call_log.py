"""Call log: records each model call before it is made and at its end, so that no cost is lost (docs/decisions/0012)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.errors import NotFound, Unavailable
from ba2_trade_platform.core.base.sanitizing import clean_json, clean_text
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.contracts.language_models import CallEnd, CallStart, Charge
from ba2_trade_platform.core.contracts.queue import EndedAttempt
from ba2_trade_platform.core.models.attempt_costs import add_up
from ba2_trade_platform.core.models.budgets import BudgetGuard
from ba2_trade_platform.core.models.dialects import usual_dialect
from ba2_trade_platform.core.models.pricing import Price, Pricing
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import CallOutcome, Outcome, ProviderKind, Status, Trigger

log = logging.getLogger(__name__)

MESSAGE_LIMIT = 1_000
MOST_TOKENS = 10**12
_TOKENS = ("tokens_in", "tokens_out", "tokens_cached", "tokens_written", "tokens_reasoning")
OWN_HOSTS = {ProviderKind.OPENAI: "api.openai.com", ProviderKind.ANTHROPIC: "api.anthropic.com"}
_C, _P = t.model_call.c, t.model_provider.c
_PROVIDER = select(_P.kind, _P.base_url, _P.dialect).where(_P.name == bindparam("p_name"))
_CALL = select(t.model_call).where(_C.id == bindparam("c_call"))
_N, _T = t.model_answer.c, t.attempt.c
# Since the attempt that a person, a retry or a schedule began: what came after it only took up its work again.
_SINCE = (
    select(func.max(_T.number))
    .where(
        _T.analysis_id == bindparam("a_analysis"),
        _T.number <= bindparam("a_attempt"),
        _T.trigger.not_in((Trigger.RESCUE, Trigger.RELEASE)),
    )
    .scalar_subquery()
)
_ANSWER = (
    select(_N.message)
    .where(_N.analysis_id == bindparam("a_analysis"), _N.digest == bindparam("a_digest"))
    .where(_N.attempt >= _SINCE, _N.attempt < bindparam("a_attempt"))
    .order_by(_N.call_id.desc())
    .limit(1)
)
_FORGET = delete(t.model_answer).where(
    _N.analysis_id.not_in(select(t.analysis.c.id).where(t.analysis.c.status.in_((Status.PENDING, Status.RUNNING))))
)
# What is answered after its attempt has ended for good is of no use to anybody: nothing takes that work up again.
_HANDED_ON = (Outcome.INTERRUPTED, Outcome.RELEASED)
_GOES_ON = (
    select(_T.id)
    .join(t.analysis, t.analysis.c.id == _T.analysis_id)
    .where(
        _T.analysis_id == bindparam("g_id"),
        _T.number == bindparam("g_number"),
        _T.outcome.is_(None) | _T.outcome.in_(_HANDED_ON),
        t.analysis.c.status.in_((Status.PENDING, Status.RUNNING)),
    )
)
_UNDER_WAY = select(_C.id, _C.analysis_id, _C.attempt).where(_C.outcome.is_(None))


@dataclass(frozen=True)
class _Owed:
    """The end of a call that is to be written down."""

    call_id: int
    end: CallEnd
    at: datetime


class CallLog:
    """The CallRecorder of this console, on the table `model_call`."""

    def __init__(self, store: Store, prices: Pricing) -> None:
        self._store = store
        self._prices = prices
        self._budget_guard = BudgetGuard(prices.own)
        self._lock = threading.Lock()
        self._begun: dict[int, Price | None] = {}
        self._owed: list[_Owed] = []

    def begin(self, start: CallStart) -> int:
        """Check the budgets and write the call down as begun; return its id.

        Raises ExpertError BUDGET, and writes nothing, when the call could exceed one of them or nobody knows its
        price; Unavailable while the database cannot be written.
        """
        with self._store.write(internal=True) as transaction:
            session, now = transaction.session, self._store.clock.now()
            price = self._price(session, start.provider, start.model, now)
            reserved = price.most(start.estimated_tokens_in, start.max_output_tokens) if price else None
            self._budget_guard.check(session, start, reserved, now)
            call_id = session.scalar(
                insert(t.model_call)
                .values(
                    analysis_id=start.analysis_id,
                    attempt=start.attempt,
                    expert_instance_id=start.expert_instance_id,
                    symbol=start.symbol,
                    step=start.step,
                    provider=start.provider,
                    model=start.model,
                    started_at=now,
                    reserved=reserved,
                    currency="USD",
                )
                .returning(_C.id)
            )
        with self._lock:
            self._begun[int(call_id or 0)] = price
        return int(call_id or 0)

    def end(self, call_id: int, end: CallEnd) -> Charge:
        """Write down how the call ended, once, and return what it took; a second end changes nothing.

        While the database cannot be written it is kept in memory and written with a later one: an answer that was paid
        for is not lost to that. Raises NotFound for a call that was never begun.
        """
        ended = _Owed(call_id, end, self._store.clock.now())
        with self._lock:
            begun = call_id in self._begun
            price = self._begun.pop(call_id, None)
        try:
            return self._write_ends(ended)[-1]
        except Unavailable as error:
            if not begun:
                raise
            with self._lock:
                self._owed.append(ended)
            log.warning("The end of model call %s is kept in memory and written later: %s", call_id, error)
            taken = _taken(end, price)
            return Charge(_both(taken["tokens_in"], taken["tokens_out"]), taken["cost"])

    def write_owed(self) -> None:
        """Write down what ended while the database could not be written; raises Unavailable when it still cannot."""
        if self._owed:
            self._write_ends()

    def _write_ends(self, *ended: _Owed) -> list[Charge]:
        """Write what is owed, then these, in one transaction; what was owed stays so while that cannot be."""
        with self._lock:
            owed, self._owed = self._owed, []
        try:
            with self._store.write(internal=True) as transaction:
                return [self._write_end(transaction, one) for one in (*owed, *ended)]
        except Unavailable:
            with self._lock:
                self._owed += owed
            raise

    def _write_end(self, transaction: Transaction, owed: _Owed) -> Charge:
        session, end = transaction.session, owed.end
        row = session.execute(_CALL, {"c_call": owed.call_id}).one_or_none()
        if row is None:
            raise NotFound(f"There is no model call {owed.call_id}")
        if row.outcome is not None:
            log.warning("Model call %s had ended as %s; its second end is left out", row.id, row.outcome.value)
            return Charge(_both(row.tokens_in, row.tokens_out), row.cost)
        taken = _taken(end, self._price(session, row.provider, row.model, row.started_at))
        session.execute(
            update(t.model_call)
            .where(_C.id == row.id, _C.outcome.is_(None))
            .values(
                outcome=end.outcome,
                duration_ms=max(0, round((owed.at - row.started_at).total_seconds() * 1000)),
                error_code=end.error_code,
                error_message=clean_text(end.error_message, MESSAGE_LIMIT) if end.error_message else None,
                **taken,
            )
        )
        if (
            end.answer is not None
            and session.execute(_GOES_ON, {"g_id": row.analysis_id, "g_number": row.attempt}).first()
        ):
            kept = {"call_id": row.id, "analysis_id": row.analysis_id, "attempt": row.attempt}
            message = clean_json(dict(end.answer.message))
            session.execute(insert(t.model_answer).values(**kept, digest=end.answer.digest, message=message))
        # An attempt that was closed before its last call had ended, as by a cancel, learns of it now.
        _add_up_closed(session, row.analysis_id, row.attempt)
        transaction.touch_analyses(row.analysis_id)
        return Charge(_both(taken["tokens_in"], taken["tokens_out"]), taken["cost"])

    def answer(self, analysis_id: int, attempt: int, digest: str) -> Mapping[str, Any] | None:
        """Return what was answered to this question before the console died in this attempt's work, None if nothing.

        What was paid for stands beside its call, in one commit; a checkpoint in another file may not have come to it.
        """
        asked = {"a_analysis": analysis_id, "a_attempt": attempt, "a_digest": digest}
        with self._store.read() as session:
            found: Mapping[str, Any] | None = session.scalar(_ANSWER, asked)
        return found

    def end_interrupted(self) -> int:
        """End what a console left under way when it died: nobody will ever know what these calls cost.

        Only for a console that has just taken the database. Returns how many there were.
        """
        with self._store.write(internal=True) as transaction:
            transaction.session.execute(_FORGET)
        with self._store.read() as session:
            if session.execute(_UNDER_WAY.limit(1)).first() is None:
                return 0
        with self._store.write(internal=True) as transaction:
            session = transaction.session
            left = session.execute(_UNDER_WAY).all()
            session.execute(update(t.model_call).where(_C.outcome.is_(None)).values(outcome=CallOutcome.INTERRUPTED))
            for analysis_id, number in {(row.analysis_id, row.attempt) for row in left}:
                _add_up_closed(session, analysis_id, number)
        log.warning("%s model calls were under way when the console stopped; what they cost is not known", len(left))
        return len(left)

    def price_of(self, provider: str, model: str) -> Price | None:
        """Return the price of a provider's model now, None where nobody knows."""
        with self._store.read() as session:
            return self._price(session, provider, model, self._store.clock.now())

    def _price(self, session: Session, provider: str, model: str, at: datetime) -> Price | None:
        """Return a model's price by its provider's name, else by its dialect, else by whose server its provider is."""
        table, day = self._prices.table(), at.date()
        found = session.execute(_PROVIDER, {"p_name": provider}).one_or_none()
        if found is None:
            return table.find(provider, model, day)
        price = table.find(provider, model, day, own_only=True)
        dialect = found.dialect or usual_dialect(found.kind, found.base_url)
        if price is None and dialect not in OWN_HOSTS:
            price = table.find(dialect, model, day, own_only=True)
        # An OpenAI-compatible server of somebody else has prices of its own.
        vendor = OWN_HOSTS.get(found.kind)
        foreign = vendor and found.base_url and urlsplit(found.base_url).hostname != vendor
        return price if price or foreign else table.find(found.kind.value, model, day)


def _taken(end: CallEnd, price: Price | None) -> dict[str, Any]:
    tokens = {name: _count(getattr(end, name)) for name in _TOKENS}
    return {**tokens, "cost": price.cost(**tokens) if price else None}


def _count(said: int | None) -> int | None:
    """Return a provider's count of tokens, None for what cannot be one: it must not give a budget back."""
    return said if said is not None and 0 <= said <= MOST_TOKENS else None


def _both(tokens_in: int | None, tokens_out: int | None) -> int | None:
    return None if tokens_in is None or tokens_out is None else tokens_in + tokens_out


def forget_answers(transaction: Transaction, ended: Sequence[EndedAttempt]) -> None:
    """Delete the kept answers of analyses whose attempt has ended, so that nobody takes its work up again.

    Those of an attempt that was only interrupted or handed back stay, for the next one goes on with them.
    """
    ids = [one.analysis_id for one in ended if one.outcome not in _HANDED_ON]
    if ids:
        transaction.session.execute(delete(t.model_answer).where(_N.analysis_id.in_(ids)))


def _add_up_closed(session: Session, analysis_id: int, number: int) -> None:
    closed = select(t.attempt.c.id).where(
        t.attempt.c.analysis_id == analysis_id, t.attempt.c.number == number, t.attempt.c.outcome.is_not(None)
    )
    if session.scalar(closed) is not None:
        add_up(session, (analysis_id, number))
