"""Keeps the groups of equal failures up to date while attempts fail, in the transaction that ends them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, exists, func, literal_column
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.enums import Mark

_G = t.failure_group.c
_H = t.failure_hour.c


@dataclass(frozen=True)
class Seen:
    """One attempt that ends failed: what groups it with its like, and what it says."""

    fingerprint: str
    code: str
    message: str
    provider: str | None
    at: datetime


def stands_failed(fingerprint: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether an analysis stands failed with this fingerprint; in words, as the partial index has it."""
    a = t.analysis.alias("failed_one").c
    return exists().where(a.status == literal_column("'failed'"), a.fingerprint == fingerprint)


def is_answered(fingerprint: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether an attempt that waits or works answers a failure with this fingerprint."""
    a = t.attempt.alias("open_one").c
    return exists().where(a.outcome.is_(None), a.after_fingerprint == fingerprint, a.after_fingerprint.is_not(None))


def still_ignored(now: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether a person's wish to ignore a group for a time, or until n more, still holds."""
    return (
        (_G.mark == Mark.IGNORED)
        & (_G.ignore_until.is_(None) | (_G.ignore_until > now))
        & (_G.ignore_seen.is_(None) | (_G.seen < _G.ignore_seen))
    )


def _upsert() -> Any:
    new = insert(t.failure_group)
    given, now = new.excluded, bindparam("n_now", type_=_G.last_seen.type)
    # Whoever fails now still counts among those that answer the group, for its attempt is not closed yet.
    recovered = ~stands_failed(given.fingerprint) & ~is_answered(given.fingerprint)
    unmarked = _G.mark.is_(None) | ((_G.mark == Mark.IGNORED) & ~still_ignored(now))
    returned = ((_G.mark == Mark.RESOLVED) & _G.regressed_at.is_(None)) | (
        (unmarked | (_G.mark == Mark.RESOLVED)) & recovered
    )
    return new.on_conflict_do_update(
        index_elements=["fingerprint"],
        set_={
            "code": given.code,
            "message": given.message,
            "provider": func.coalesce(given.provider, _G.provider),
            "first_seen": func.min(_G.first_seen, given.first_seen),
            "last_seen": func.max(_G.last_seen, given.last_seen),
            "seen": _G.seen + given.seen,
            "regressed_at": case((returned, now), else_=_G.regressed_at),
        },
    )


def _count() -> Any:
    new = insert(t.failure_hour)
    return new.on_conflict_do_update(index_elements=["fingerprint", "hour"], set_={"seen": _H.seen + new.excluded.seen})


_GROUP = _upsert()
_HOUR = _count()


def note_failures(session: Session, failures: Sequence[Seen], now: datetime) -> None:
    """Count these failures in their groups, and say which groups came back.

    To be called in the transaction that ends the attempts, for each that ends failed, retried or not, and before
    they are closed: a group has come back when it was marked resolved, or when nothing stood failed and nothing open
    answered it. Costs two statements, and none when there are no failures.
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
    connection.execute(_GROUP, [{**_row(fingerprint, likes), "n_now": now} for fingerprint, likes in groups.items()])
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
