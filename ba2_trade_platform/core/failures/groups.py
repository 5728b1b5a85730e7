"""Failure groups: counted in the transaction that ends an attempt, so that the inbox need not count.

Decision record: docs/decisions/0008.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete
from sqlalchemy.orm import Session

from ba2_trade_platform.core.failures.group_states import BY_ANSWER, BY_FAILED, SET_ASIDE
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.dialect_text import statement
from ba2_trade_platform.db.sql import insert
from ba2_trade_platform.db.types import UtcDateTime

_H = t.failure_hour.c

HOURS_KEPT = timedelta(hours=48)  # the inbox draws a day


@dataclass(frozen=True)
class Seen:
    """One attempt that ends failed: what groups it with its like, and what it says."""

    fingerprint: str
    code: str
    message: str
    provider: str | None
    at: datetime


# Whoever fails now still counts among those that answer the group, for its attempt is not closed yet.
_GROUP = statement(f"""
INSERT INTO failure_group AS g (fingerprint, code, message, provider, first_seen, last_seen, seen)
VALUES (:fingerprint, :code, :message, :provider, :first_seen, :last_seen, :seen)
ON CONFLICT (fingerprint) DO UPDATE SET
    code = excluded.code,
    message = excluded.message,
    provider = COALESCE(excluded.provider, g.provider),
    first_seen = CASE WHEN excluded.first_seen < g.first_seen THEN excluded.first_seen ELSE g.first_seen END,
    last_seen = CASE WHEN excluded.last_seen > g.last_seen THEN excluded.last_seen ELSE g.last_seen END,
    seen = g.seen + excluded.seen,
    regressed_at = CASE
        WHEN g.mark = 'resolved' AND g.regressed_at IS NULL THEN :now
        WHEN NOT COALESCE({SET_ASIDE}, FALSE)
            AND NOT EXISTS (SELECT 1 FROM market_analysis AS a{BY_FAILED}
                            WHERE a.status = 'failed' AND a.fingerprint = excluded.fingerprint)
            AND NOT EXISTS (SELECT 1 FROM analysis_attempt AS b{BY_ANSWER}
                            WHERE b.outcome IS NULL AND b.after_fingerprint = excluded.fingerprint
                              AND b.after_fingerprint IS NOT NULL) THEN :now
        ELSE g.regressed_at END
""").bindparams(*(bindparam(name, type_=UtcDateTime()) for name in ("first_seen", "last_seen", "now")))


def _count() -> Any:
    new = insert(t.failure_hour)
    return new.on_conflict_do_update(index_elements=["fingerprint", "hour"], set_={"seen": _H.seen + new.excluded.seen})


_HOUR = _count()


def note_failures(session: Session, failures: Sequence[Seen], now: datetime) -> None:
    """Count these failures in their groups, and say which groups came back.

    To be called in the transaction that ends the attempts, for each that ends failed, retried or not, and before
    they are closed: a group has come back when it was marked resolved, or when nothing stood failed and nothing open
    answered it. Costs three statements, and none when there are no failures.
    """
    if not failures:
        return
    groups: dict[str, list[Seen]] = defaultdict(list)
    for seen in sorted(failures, key=lambda one: one.at):
        groups[seen.fingerprint].append(seen)
    hours: dict[tuple[str, datetime], int] = defaultdict(int)
    for seen in failures:
        hours[seen.fingerprint, hour_of(seen.at)] += 1
    connection = session.connection()
    connection.execute(_GROUP, [{**_row(fingerprint, likes), "now": now} for fingerprint, likes in groups.items()])
    connection.execute(delete(t.failure_hour).where(t.failure_hour.c.hour < hour_of(now) - HOURS_KEPT))
    connection.execute(
        _HOUR,
        [{"fingerprint": fingerprint, "hour": hour, "seen": count} for (fingerprint, hour), count in hours.items()],
    )


def hour_of(instant: datetime) -> datetime:
    """Return when the hour of an instant began."""
    return instant.replace(minute=0, second=0, microsecond=0)


def _row(fingerprint: str, likes: Sequence[Seen]) -> dict[str, Any]:
    newest = likes[-1]
    providers = [one.provider for one in likes if one.provider]
    return {
        "fingerprint": fingerprint,
        "code": newest.code,
        "message": newest.message,
        "provider": providers[-1] if providers else None,
        "first_seen": likes[0].at,
        "last_seen": newest.at,
        "seen": len(likes),
    }
