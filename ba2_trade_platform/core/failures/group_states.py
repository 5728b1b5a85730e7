"""Failure group state: derived from a person's mark and from present failures, so that it cannot go stale."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Integer, String, bindparam, column
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from ba2_trade_platform.core.base.pages import database_integer, encode_cursor
from ba2_trade_platform.core.base.sanitizing import clean_text
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.dialect_text import hint, statement
from ba2_trade_platform.db.types import UtcDateTime


class GroupState(StrEnum):
    """Where a group stands; in the order in which the inbox shows them."""

    REGRESSED = "regressed"
    UNRESOLVED = "unresolved"
    SCHEDULED = "scheduled"
    IGNORED = "ignored"
    RESOLVED = "resolved"
    WONT_FIX = "wont_fix"
    RECOVERED = "recovered"


# What the inbox shows unless told otherwise: what needs a person, and what is being tried again.
LIVE = (GroupState.REGRESSED, GroupState.UNRESOLVED, GroupState.SCHEDULED)
_RANK_OF = {state: rank for rank, state in enumerate(GroupState)}

# The indexes are named, for without statistics SQLite takes others, which hold all that ever failed.
BY_FAILED = hint("ix_market_analysis_failed_fingerprint")
BY_ANSWER = hint("ix_analysis_attempt_open_after")
# What a person said holds until the time to ignore it runs out, or until what was resolved comes back.
SET_ASIDE = """(
    g.mark = 'wont_fix'
    OR g.mark = 'ignored' AND (g.ignore_until IS NULL OR g.ignore_until > :now)
                          AND (g.ignore_seen IS NULL OR g.seen < g.ignore_seen)
    OR g.mark = 'resolved' AND g.regressed_at IS NULL
)"""
_FAILED = f"""
    SELECT fingerprint, COUNT(*) FROM market_analysis{BY_FAILED}
    WHERE status = 'failed' AND fingerprint IS NOT NULL GROUP BY fingerprint"""
_ANSWERED = f"""
    SELECT after_fingerprint, COUNT(*) FROM analysis_attempt{BY_ANSWER}
    WHERE outcome IS NULL AND after_fingerprint IS NOT NULL GROUP BY after_fingerprint"""
_RANK = f"""CASE
    WHEN COALESCE({SET_ASIDE}, FALSE) THEN CASE g.mark WHEN 'ignored' THEN {_RANK_OF[GroupState.IGNORED]}
        WHEN 'resolved' THEN {_RANK_OF[GroupState.RESOLVED]} ELSE {_RANK_OF[GroupState.WONT_FIX]} END
    WHEN COALESCE(failed.n, 0) + COALESCE(answered.n, 0) = 0 THEN {_RANK_OF[GroupState.RECOVERED]}
    WHEN COALESCE(failed.n, 0) = 0 THEN {_RANK_OF[GroupState.SCHEDULED]}
    WHEN g.regressed_at IS NOT NULL THEN {_RANK_OF[GroupState.REGRESSED]}
    ELSE {_RANK_OF[GroupState.UNRESOLVED]} END"""

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


# The groups of which something fails now or is tried again, and those that a person has marked: never very many.
_STANDING = _rows(f"""
WITH failed (fingerprint, n) AS ({_FAILED}), answered (fingerprint, n) AS ({_ANSWERED}),
candidate (fingerprint) AS (
    SELECT fingerprint FROM failed UNION SELECT fingerprint FROM answered
    UNION SELECT fingerprint FROM failure_group WHERE mark IS NOT NULL
), standing AS (
    SELECT g.fingerprint, {_RANK} AS rank, COALESCE(failed.n, 0) AS failed_now,
           COALESCE(answered.n, 0) AS answered, g.last_seen
    FROM candidate CROSS JOIN failure_group AS g
    LEFT JOIN failed ON failed.fingerprint = g.fingerprint
    LEFT JOIN answered ON answered.fingerprint = g.fingerprint
    WHERE g.fingerprint = candidate.fingerprint
)
SELECT fingerprint, rank, failed_now, answered, last_seen FROM standing
WHERE rank <> {_RANK_OF[GroupState.RECOVERED]} AND rank IN (SELECT CAST(value AS INTEGER) FROM json_values(:ranks))
  AND (:after_rank IS NULL OR rank > :after_rank OR rank = :after_rank AND (
        failed_now < :after_failed_now OR failed_now = :after_failed_now AND (
            last_seen < :after_last_seen OR last_seen = :after_last_seen AND fingerprint < :after_fingerprint)))
ORDER BY rank, failed_now DESC, last_seen DESC, fingerprint DESC LIMIT :limit
""")
# The rest: walked by its index, the newest first, for of these there may be any number.
_RECOVERED = _rows(f"""
SELECT g.fingerprint, {_RANK_OF[GroupState.RECOVERED]}, 0, 0, g.last_seen FROM failure_group AS g
WHERE NOT COALESCE({SET_ASIDE}, FALSE)
  AND NOT EXISTS (SELECT 1 FROM market_analysis AS a{BY_FAILED}
                  WHERE a.status = 'failed' AND a.fingerprint = g.fingerprint)
  AND NOT EXISTS (SELECT 1 FROM analysis_attempt AS b{BY_ANSWER} WHERE b.outcome IS NULL
                  AND b.after_fingerprint = g.fingerprint AND b.after_fingerprint IS NOT NULL)
  AND (:after_last_seen IS NULL OR (g.last_seen, g.fingerprint) < (:after_last_seen, :after_fingerprint))
ORDER BY g.last_seen DESC, g.fingerprint DESC LIMIT :limit
""")
# One group, whatever its state.
_ONE = _rows(f"""
SELECT g.fingerprint, {_RANK}, failed.n, answered.n, g.last_seen
FROM failure_group AS g,
     (SELECT COUNT(*) AS n FROM market_analysis{BY_FAILED} WHERE status = 'failed' AND fingerprint = :one) AS failed,
     (SELECT COUNT(*) AS n FROM analysis_attempt{BY_ANSWER}
      WHERE outcome IS NULL AND after_fingerprint = :one AND after_fingerprint IS NOT NULL) AS answered
WHERE g.fingerprint = :one
""")
# Each fingerprint that stands failed is found by one jump in the index, so that thousands of rows cost nothing.
_NEEDY = _statement(f"""
WITH RECURSIVE failing (fingerprint) AS (
    SELECT MIN(fingerprint) FROM market_analysis{BY_FAILED} WHERE status = 'failed' AND fingerprint IS NOT NULL
    UNION ALL
    SELECT (SELECT MIN(a.fingerprint) FROM market_analysis AS a{BY_FAILED}
            WHERE a.status = 'failed' AND a.fingerprint > failing.fingerprint)
    FROM failing WHERE failing.fingerprint IS NOT NULL
)
SELECT COUNT(*) FROM (
    SELECT 1 FROM failing CROSS JOIN failure_group AS g
    WHERE g.fingerprint = failing.fingerprint AND NOT COALESCE({SET_ASIDE}, FALSE) LIMIT :limit
) AS needy
""")


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
        ranks = json.dumps([_RANK_OF[state] for state in states])
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
    return PageEntry(clean_text(fingerprint), _RANK_OF[GroupState(state)], database_integer(failed_now), 0, moment)
