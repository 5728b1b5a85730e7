"""Learning: writes one lesson for each decision whose horizon has passed, however often it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, exists, func, literal, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.base.sanitizing import clean_text
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import ExpertError, Prices
from ba2_trade_platform.core.contracts.lessons import Learnt
from ba2_trade_platform.core.lessons.outcomes import HORIZON_SESSIONS, Decision, Horizons, OutcomeOf, judge, reflection
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.db.sql import insert as upsert
from ba2_trade_platform.db.types import UtcDateTime
from ba2_trade_platform.vocabulary import Signal, Status, Subtype

log = get_logger(__name__)
READ_AT_ONCE = 1_000
WRITTEN_AT_ONCE = 100
SITUATION_CHARACTERS = 8_000
DECISION_CHARACTERS = 4_000
SITUATION = ("data", "Situation")  # type and name of the output that says what an expert saw
# A lesson keeps all of its decision and of the outcome but these.
NOT_KEPT = frozenset({"id", "details", "target_price", "stop_price", "met_at"})
_R = t.recommendation.c


@dataclass(frozen=True)
class DueDecision(Decision):
    """A decision without a lesson; `id` is that of its recommendation."""

    id: int
    analysis_id: int
    attempt: int
    expert_instance_id: int
    subtype: Subtype
    details: str


_DECISIONS = Reader(
    DueDecision,
    t.recommendation,
    action=_R.recommended_action,
    as_of=_R.effective_as_of,
    analysis_id=_R.market_analysis_id,
)


class Learning:
    """Looks for outcomes by the market's clock. Blocking; two at once write each lesson once."""

    def __init__(self, store: Store, prices: Prices) -> None:
        self._store = store
        self._prices = prices

    def learn(self) -> Learnt:
        """Judge every decision that is due, slice by slice, and return how many lessons are new."""
        horizons = Horizons(self._prices, self._prices.clock.now())
        lessons = last = 0
        while due := self._due(last):
            last = due[-1].id
            judged = [(decision, found) for decision in due if (found := self._judge(decision, horizons)) is not None]
            for start in range(0, len(judged), WRITTEN_AT_ONCE):
                lessons += self._write(judged[start : start + WRITTEN_AT_ONCE])
        if lessons:
            log.info("Learnt %d lessons from decisions whose horizon has passed", lessons, lessons=lessons)
        return Learnt(lessons, self._count())

    def _due(self, after: int) -> list[DueDecision]:
        """Return a slice of decisions without a lesson whose horizon may have passed, by the number of days alone."""
        now = self._prices.clock.now()
        days = (
            (_R.time_horizon == horizon, literal(now - timedelta(days=days), UtcDateTime))
            for horizon, days in HORIZON_SESSIONS.items()  # a session is never less than a day
        )
        with self._store.read() as session:
            undecided = _undecided(session)
            if undecided is None:
                return []
            due = undecided.where(_R.id > after, _R.effective_as_of <= case(*days))
            return _DECISIONS.all(session, due.order_by(_R.id).limit(READ_AT_ONCE))

    def _count(self) -> int:
        with self._store.read() as session:
            undecided = _undecided(session)
            if undecided is None:
                return 0
            return session.scalar(select(func.count()).select_from(undecided.subquery())) or 0

    def _judge(self, decision: DueDecision, horizons: Horizons) -> OutcomeOf | None:
        try:
            known_at = horizons.close_of(decision)
            return None if known_at is None else judge(decision, known_at, self._prices)
        except ExpertError as error:
            log.debug("Analysis %d has no outcome: %s", decision.analysis_id, error)
            return None

    def _write(self, judged: Sequence[tuple[DueDecision, OutcomeOf]]) -> int:
        ids = [decision.analysis_id for decision, _ in judged]
        with self._store.read() as session:
            o = t.output.c
            found = session.execute(
                select(o.market_analysis_id, o.text)
                .where(o.market_analysis_id.in_(ids), o.type == SITUATION[0], o.name == SITUATION[1])
                .order_by(o.id)
            )
            situations = {row.market_analysis_id: row.text for row in found}
        now = self._store.clock.now()
        rows = [_lesson(decision, outcome, situations.get(decision.analysis_id), now) for decision, outcome in judged]
        with self._store.write() as transaction:
            written = transaction.session.execute(
                upsert(t.lesson)
                .on_conflict_do_nothing(index_elements=["analysis_id", "attempt"])
                .returning(t.lesson.c.id),
                rows,
            ).all()
            if written:
                transaction.touch(Topic.LESSONS)
        return len(written)


def _undecided(session: Session) -> Select[Any] | None:
    """Return the query of all decisions without a lesson of experts set to remember, None when there is no such expert.

    A handful of experts at most: naming them keeps the long table to what they decided.
    """
    remembers = t.expert_config.c.settings["memory"].as_boolean()
    learners = session.scalars(select(t.expert_config.c.expert_instance_id).where(remembers).distinct()).all()
    if not learners:
        return None
    known = exists().where(t.lesson.c.analysis_id == _R.market_analysis_id, t.lesson.c.attempt == _R.attempt)
    return (
        _DECISIONS.select()
        .join(t.analysis, t.analysis.c.id == _R.market_analysis_id)
        .join(t.attempt, (t.attempt.c.analysis_id == t.analysis.c.id) & (t.attempt.c.number == _R.attempt))
        .join(t.expert_config, t.expert_config.c.id == t.attempt.c.config_id)
        .where(
            _R.expert_instance_id.in_(learners),
            _R.recommended_action.in_((Signal.BUY, Signal.SELL, Signal.HOLD)),
            t.analysis.c.status == Status.COMPLETED,
            remembers,
            ~known,
        )
    )


def _lesson(decision: DueDecision, outcome: OutcomeOf, situation: str | None, now: datetime) -> dict[str, Any]:
    known = asdict(decision) | asdict(outcome)
    seen = situation or decision.details or f"{decision.symbol}, no situation was kept"
    return {name: value for name, value in known.items() if name not in NOT_KEPT} | {
        "situation": clean_text(seen, SITUATION_CHARACTERS),
        "decision": clean_text(_said(decision), DECISION_CHARACTERS),
        "reflection": reflection(decision, outcome),
        "created_at": now,
    }


def _said(decision: DueDecision) -> str:
    """Return the decision in words, with the reasons that were given."""
    parts = (
        f"{decision.action.value} {decision.symbol}",
        f"confidence {decision.confidence:.0f}",
        f"expected {decision.expected_profit_percent:+.1f} %",
        f"target {decision.target_price}" if decision.target_price is not None else None,
        f"stop {decision.stop_price}" if decision.stop_price is not None else None,
        decision.time_horizon.value.replace("_", " "),
    )
    return ", ".join(filter(None, parts)) + (f"\n\n{decision.details}" if decision.details else "")
