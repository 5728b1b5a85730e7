"""Fencing token: makes every write conditional on the lease, so that a stale worker changes no row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, exists, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.worker.buffers import WriteBatch
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert
from ba2_trade_platform.vocabulary import Status

LEASED = (
    (t.analysis.c.id == bindparam("f_id"))
    & (t.analysis.c.attempt == bindparam("f_attempt"))
    & (t.analysis.c.lease_token == bindparam("f_token"))
    & (t.analysis.c.status == Status.RUNNING)
)
FENCE = exists().where(LEASED).correlate(None)
ATTEMPT = (t.attempt.c.analysis_id == bindparam("f_id")) & (t.attempt.c.number == bindparam("f_attempt"))


def fenced(table: Table, *columns: str, **computed: ColumnElement[Any]) -> Any:
    """Return INSERT ... SELECT ... WHERE the lease is held, with a parameter for each of `columns`."""
    values = [bindparam(f"v_{column}", type_=table.c[column].type) for column in columns]
    chosen = select(*values, *computed.values()).where(FENCE)
    return insert(table).from_select([*columns, *computed], chosen, include_defaults=False)


def replacing(statement: Any, keys: Sequence[str], *columns: str) -> Any:
    """Return an insert that writes over `columns` of the row that already has these `keys`."""
    return statement.on_conflict_do_update(
        index_elements=keys, set_={column: statement.excluded[column] for column in columns}
    )


def fence(write_batch: WriteBatch) -> dict[str, Any]:
    """Return the parameters of the fence for one attempt's batch."""
    claim = write_batch.claim
    return {"f_id": claim.analysis_id, "f_attempt": claim.attempt, "f_token": claim.token}


def many(session: Session, statement: Any, rows: list[dict[str, Any]]) -> int:
    """Execute a statement for all rows at once; return how many rows of the table it touched."""
    if not rows:
        return 0
    result: Any = session.connection().execute(statement, rows)
    return int(result.rowcount)
