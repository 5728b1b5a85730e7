"""Says of which kind a failure is held to be: the operator's word for its group goes before its own."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.enums import FailureKind


def effective_kind(session: Session, fingerprint: str | None, kind: FailureKind | None) -> FailureKind | None:
    """Return the kind that counts for a failure: the override of its fingerprint's group, else its own."""
    if fingerprint is None:
        return kind
    said = session.scalar(select(t.failure_group.c.kind).where(t.failure_group.c.fingerprint == fingerprint))
    return said or kind
