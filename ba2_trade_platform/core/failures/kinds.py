"""Failure kind: a person's override for a group of failures outranks the kind of their error code."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.failures.advice import advice
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import FailureKind


def effective_kind(session: Session, fingerprint: str | None, kind: FailureKind | None) -> FailureKind | None:
    """Return the kind that counts for a failure: the override of its fingerprint's group, else its own."""
    if fingerprint is None:
        return kind
    said = session.scalar(select(t.failure_group.c.kind).where(t.failure_group.c.fingerprint == fingerprint))
    return said or kind


def provider_of(session: Session, fingerprint: str | None) -> str | None:
    """Return the provider that failures with this fingerprint came from, where one is known."""
    group = t.failure_group.c
    return session.scalar(select(group.provider).where(group.fingerprint == fingerprint)) if fingerprint else None


def fix_first(code: str | None, provider: str | None) -> str:
    """Return what is said of a permanent failure: Permanent: fix first (API key refused by openai)."""
    return f"Permanent: fix first ({advice(code).blaming(provider)})"
