"""Says whether repeating a failure is worth it, with the kind that a person gave its group before its own."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.enums import FailureKind


def effective_kind(session: Session, fingerprint: str | None, failure_kind: FailureKind | None) -> FailureKind | None:
    """Return the kind a person gave to failures with this fingerprint, else the failure's own."""
    if fingerprint is None:
        return failure_kind
    group = t.failure_group.c
    given = session.scalar(select(group.kind).where(group.fingerprint == fingerprint))
    return FailureKind(given) if given is not None else failure_kind
