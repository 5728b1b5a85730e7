"""Failure groups: counted in the transaction that ends an attempt, so that the inbox need not count.

Decision record: docs/decisions/0008.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.failures.group_states import BY_ANSWER, BY_FAILED, SET_ASIDE
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.dialect_text import statement
from ba2_trade_platform.db.sql import insert
from ba2_trade_platform.db.types import UtcDateTime
from ba2_trade_platform.vocabulary import FailureKind

_G, _H = t.failure_group.c, t.failure_hour.c
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


_NEW_HOUR = insert(t.failure_hour)
_HOUR = _NEW_HOUR.on_conflict_do_update(
    index_elements=["fingerprint", "hour"], set_={"seen": _H.seen + _NEW_HOUR.excluded.seen}
)


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
    hours = Counter((seen.fingerprint, hour_of(seen.at)) for seen in failures)
    connection = session.connection()
    connection.execute(
        _GROUP,
        [
            {
                "fingerprint": fingerprint,
                "code": likes[-1].code,
                "message": likes[-1].message,
                "provider": next((seen.provider for seen in reversed(likes) if seen.provider), None),
                "first_seen": likes[0].at,
                "last_seen": likes[-1].at,
                "seen": len(likes),
                "now": now,
            }
            for fingerprint, likes in groups.items()
        ],
    )
    connection.execute(delete(t.failure_hour).where(_H.hour < hour_of(now) - HOURS_KEPT))
    connection.execute(
        _HOUR,
        [{"fingerprint": fingerprint, "hour": hour, "seen": count} for (fingerprint, hour), count in hours.items()],
    )


def hour_of(instant: datetime) -> datetime:
    """Return when the hour of an instant began."""
    return instant.replace(minute=0, second=0, microsecond=0)


def kind_and_provider(session: Session, fingerprint: str | None) -> tuple[FailureKind | None, str | None]:
    """Return the kind that a person gave this group, which outranks its code's, and the provider that failed in it."""
    row = session.execute(select(_G.kind, _G.provider).where(_G.fingerprint == fingerprint)).one_or_none()
    return (row.kind, row.provider) if row else (None, None)
