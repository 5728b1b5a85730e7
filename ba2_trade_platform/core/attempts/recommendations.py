"""Current recommendation: keeps one per expert, symbol and subtype, so that no old one can be traded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, bindparam, literal_column, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.contracts.queue import EndedAttempt
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import is_status
from ba2_trade_platform.vocabulary import Outcome, Status, Subtype

_R = t.recommendation.c
_ABOUT = {
    name: bindparam(f"s_{name}", type_=_R[name].type) for name in ("expert_instance_id", "symbol", "subtype")
}  # fmt: skip
_IS_CURRENT: ColumnElement[bool] = literal_column("is_current")  # in words, as the partial index has it


def _newest() -> object:
    rival = t.recommendation.alias()
    return (
        select(rival.c.id)
        .join(t.analysis, t.analysis.c.id == rival.c.market_analysis_id)
        .where(*(rival.c[name] == value for name, value in _ABOUT.items()))
        .where(is_status(t.analysis.c.status, Status.COMPLETED))
        .order_by(rival.c.effective_as_of.desc(), rival.c.market_analysis_id.desc())
        .limit(1)
        .scalar_subquery()
    )


_SUPERSEDE = (
    update(t.recommendation)
    .where(*(_R[name] == value for name, value in _ABOUT.items()), _IS_CURRENT, _R.id.is_distinct_from(_newest()))
    .values(is_current=False)
)
_PROMOTE = update(t.recommendation).where(_R.id == _newest(), ~_R.is_current).values(is_current=True)


@dataclass(frozen=True)
class RecommendationKey:
    """What a recommendation is about; at most one is current for each."""

    expert_instance_id: int
    symbol: str
    subtype: Subtype


def refresh_current(session: Session, subjects: Iterable[RecommendationKey]) -> None:
    """Make each subject's newest completed recommendation, by effective_as_of, then id, the current one."""
    about = [{f"s_{name}": getattr(each, name) for name in _ABOUT} for each in set(subjects)]
    if about:
        session.connection().execute(_SUPERSEDE, about)
        session.connection().execute(_PROMOTE, about)


def promote_completed(transaction: Transaction, ended: Sequence[EndedAttempt]) -> None:
    """Make what these attempts recommend the current one of its subject, where nothing newer is."""
    completed = [one for one in ended if one.outcome is Outcome.COMPLETED]
    refresh_current(
        transaction.session, (RecommendationKey(one.expert_instance_id, one.symbol, one.subtype) for one in completed)
    )
