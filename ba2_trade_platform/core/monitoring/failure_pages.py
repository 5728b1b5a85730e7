"""Failure pages: keyset cursor over failure groups, those that need a person first."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Integer, String, bindparam, column
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from ba2_trade_platform.core.base.pages import database_integer, encode_cursor
from ba2_trade_platform.core.base.sanitizing import clean_text
from ba2_trade_platform.core.failures.group_states import NEEDY, ONE, RANK, RECOVERED, STANDING, GroupState
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.dialect_text import statement
from ba2_trade_platform.db.types import UtcDateTime

_TYPES: dict[str, TypeEngine[Any]] = {
    "now": UtcDateTime(), "after_last_seen": UtcDateTime(), "after_rank": Integer(), "after_failed_now": Integer(),
    "after_fingerprint": String(), "one": String(), "ranks": String(), "limit": Integer(),
}  # fmt: skip


def _statement(sql: str) -> Any:
    typed = [bindparam(name, type_=kind) for name, kind in _TYPES.items() if re.search(rf":{name}\b", sql)]
    return statement(sql).bindparams(*typed)


def _rows(sql: str) -> Any:
    numbers = [column(name, Integer) for name in ("rank", "failed_now", "scheduled")]
    return _statement(sql).columns(column("fingerprint"), *numbers, t.failure_group.c.last_seen)


_STANDING, _RECOVERED, _ONE = _rows(STANDING), _rows(RECOVERED), _rows(ONE)
_NEEDY = _statement(NEEDY)


class PageEntry(NamedTuple):
    """Where one group stands, and by what it is sorted."""

    fingerprint: str
    rank: int
    failed_now: int
    scheduled: int
    last_seen: datetime

    @property
    def state(self) -> GroupState:
        """The state that its rank stands for."""
        return list(GroupState)[self.rank]


def page_entries(
    session: Session, states: Collection[GroupState], now: datetime, limit: int, after: PageEntry | None = None
) -> list[PageEntry]:
    """Return up to `limit` groups in these states: what stands failed, is tried again or is marked, then the rest."""
    found: list[PageEntry] = []
    if after is None or after.state is not GroupState.RECOVERED:
        ranks = json.dumps([RANK[state] for state in states])
        found = _read(session, _STANDING, {"now": now, "ranks": ranks, "limit": limit, **_behind(after)})
        after = None  # the rest begins with its first
    if GroupState.RECOVERED in states and len(found) < limit:
        found += _read(session, _RECOVERED, {"now": now, "limit": limit - len(found), **_behind(after)})
    return found


def entry_of(session: Session, fingerprint: str, now: datetime) -> PageEntry | None:
    """Return where one group stands, None when there is no such group."""
    return next(iter(_read(session, _ONE, {"one": fingerprint, "now": now})), None)


def count_needy(session: Session, now: datetime, bound: int) -> int:
    """Return how many groups need a person, counting no further than `bound`."""
    return int(session.scalar(_NEEDY, {"now": now, "limit": bound}) or 0)


def _behind(after: PageEntry | None) -> dict[str, Any]:
    """Return the parameters that name this place, all of them NULL for the beginning."""
    return {f"after_{name}": getattr(after, name, None) for name in ("rank", "failed_now", "last_seen", "fingerprint")}


def _read(session: Session, rows: Any, asked: dict[str, Any]) -> list[PageEntry]:
    return [PageEntry(*row) for row in session.execute(rows, asked)]


def cursor_of(entry: PageEntry) -> str:
    """Return a cursor that goes on after this place."""
    return encode_cursor(entry.fingerprint, entry.state.value, entry.failed_now, entry.last_seen)


def entry_after(fingerprint: str, state: str, failed_now: int, seen: str) -> PageEntry:
    """Return where a cursor of these values goes on; raises ValueError for what none of ours has."""
    moment = datetime.fromisoformat(seen).astimezone(UTC)
    return PageEntry(clean_text(fingerprint), RANK[GroupState(state)], database_integer(failed_now), 0, moment)
