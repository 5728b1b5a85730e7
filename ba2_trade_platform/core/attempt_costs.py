"""What attempts took in tokens and money, added up from their model calls, in the caller's transaction."""

from __future__ import annotations

from sqlalchemy import bindparam, case, exists, func, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t

_C = t.model_call.c
_OF_ATTEMPT = (_C.analysis_id == t.attempt.c.analysis_id) & (_C.attempt == t.attempt.c.number)
_ALL = func.count()
_TOKENS = case((func.count(_C.tokens_in + _C.tokens_out) == _ALL, func.sum(_C.tokens_in + _C.tokens_out)))
_COST = case((func.count(_C.cost) == _ALL, func.sum(_C.cost)))
_ADD_UP = (
    update(t.attempt)
    .where(
        t.attempt.c.analysis_id == bindparam("c_id"),
        t.attempt.c.number == bindparam("c_attempt"),
        exists().where(_OF_ATTEMPT),
    )
    .values(
        tokens=select(_TOKENS).where(_OF_ATTEMPT).scalar_subquery(),
        cost=select(_COST).where(_OF_ATTEMPT).scalar_subquery(),
    )
)


def add_up(session: Session, *attempts: tuple[int, int]) -> None:
    """Write on each (analysis id, number) what its calls took; unknown where a part is. Without calls nothing changes.

    A call that is still under way is a part that is unknown.
    """
    rows = [{"c_id": analysis_id, "c_attempt": number} for analysis_id, number in attempts]
    if rows:
        session.connection().execute(_ADD_UP, rows)
