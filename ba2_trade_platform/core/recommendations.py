"""Keeps exactly one recommendation current per expert instance, symbol and subtype: nothing old can ever be traded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.enums import Status, Subtype


@dataclass(frozen=True)
class Subject:
    """What a recommendation is about; at most one is current for each."""

    expert_instance_id: int
    symbol: str
    subtype: Subtype


def refresh_current(session: Session, subjects: Iterable[Subject]) -> None:
    """Make each subject's newest completed recommendation, by effective_as_of, then id, the current one."""
    r = t.recommendation
    for subject in set(subjects):
        about = (
            (r.c.expert_instance_id == subject.expert_instance_id)
            & (r.c.symbol == subject.symbol)
            & (r.c.subtype == subject.subtype)
        )
        newest = session.scalar(
            select(r.c.id)
            .join(t.analysis, t.analysis.c.id == r.c.market_analysis_id)
            .where(about, t.analysis.c.status == Status.COMPLETED)
            .order_by(r.c.effective_as_of.desc(), r.c.market_analysis_id.desc())
            .limit(1)
        )
        session.execute(
            update(r).where(about, r.c.is_current, r.c.id.is_distinct_from(newest)).values(is_current=False)
        )
        if newest is not None:
            session.execute(update(r).where(r.c.id == newest, ~r.c.is_current).values(is_current=True))
