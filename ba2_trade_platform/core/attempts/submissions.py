"""Submission: inserts a pending analysis, and lets the unique dedupe key refuse a second one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts.attempts import Opening, open_attempt
from ba2_trade_platform.core.attempts.lifecycle import ACTIVE
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import in_words, insert
from ba2_trade_platform.vocabulary import Mode, Source, Status, Subtype, Trigger

ACTIVE_STATUSES = sorted(ACTIVE)
# In words, for SQLite only looks into the partial index on the dedupe key where it can read the statuses.
UNDER_WAY = t.analysis.c.status.in_([in_words(status) for status in ACTIVE_STATUSES])

# How every analysis begins.
NEW: dict[str, Any] = {
    "status": Status.PENDING, "held": False, "attempt": 1, "reruns_used": 0, "retries_used": 0, "rescues_used": 0,
    "progress": 0, "version": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Submission:
    """One analysis to be made; `as_of` None means the market's present when an attempt starts.

    `refused`: why it cannot be queued at all, known before anybody was asked; its item in a batch says so.
    """

    expert_instance_id: int
    symbol: str
    subtype: Subtype = Subtype.ENTER_MARKET
    as_of: datetime | None = None
    priority: int = 0
    run_before: datetime | None = None
    source: Source = Source.MANUAL
    batch_id: int | None = None
    refused: str | None = None

    @property
    def dedupe_key(self) -> str:
        """The key of which only one may be pending or running."""
        when = "latest" if self.as_of is None else self.as_of.astimezone(UTC).isoformat()
        return f"{self.expert_instance_id}|{self.symbol}|{Subtype(self.subtype).value}|{when}"


@dataclass(frozen=True)
class Inserted:
    """The analysis that a submission made, or the one that was already pending or running."""

    analysis_id: int
    status: Status
    attempt: int
    is_duplicate: bool


def insert_pending(session: Session, submission: Submission, config_id: int | None, by: int, now: datetime) -> Inserted:
    """Insert the submission's analysis with its first attempt, or return the one that is already under way."""
    key = submission.dedupe_key
    values = {name: value for name, value in vars(submission).items() if name != "refused"} | {
        "created_at": now, "updated_at": now, "available_at": now, "config_id": config_id, "dedupe_key": key,
    }  # fmt: skip
    new_id = session.scalar(
        insert(t.analysis)
        .values(NEW | values)
        .on_conflict_do_nothing(index_elements=["dedupe_key"], index_where=t.analysis.c.status.in_(ACTIVE_STATUSES))
        .returning(t.analysis.c.id)
    )
    if new_id is None:  # the index refused, so in this transaction somebody holds the key
        holder = active_holder(session, key)
        return Inserted(holder.id, holder.status, holder.attempt, is_duplicate=True)
    open_attempt(session, new_id, 1, Opening(Trigger.FIRST, Mode.FRESH, by, config_id), now)
    return Inserted(new_id, Status.PENDING, 1, is_duplicate=False)


def active_holder(session: Session, key: str) -> Any:
    """Return id, status and attempt of the analysis that holds this dedupe key, None when nobody does."""
    a = t.analysis.c
    return session.execute(select(a.id, a.status, a.attempt).where(a.dedupe_key == key, UNDER_WAY)).one_or_none()


def active_among(session: Session, keys: Sequence[str] | Select[tuple[str]]) -> dict[str, int]:
    """Return which of these dedupe keys, or of those that a query gives, are held, and by which analysis."""
    rows = session.execute(
        select(t.analysis.c.dedupe_key, t.analysis.c.id).where(t.analysis.c.dedupe_key.in_(keys), UNDER_WAY)
    )
    return {row.dedupe_key: row.id for row in rows}
