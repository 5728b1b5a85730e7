"""Actor and activity log: record each deed with its person or program, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, Unpack

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.sanitizing import clean_reason
from ba2_trade_platform.db.sql import insert as upsert
from ba2_trade_platform.db.tables import activity_log, actor
from ba2_trade_platform.vocabulary import ActorKind


@dataclass(frozen=True)
class Actor:
    """Somebody who acts."""

    kind: ActorKind
    name: str

    def __str__(self) -> str:
        return self.name if self.kind is ActorKind.USER else f"{self.name} ({self.kind.value})"


SYSTEM = Actor(ActorKind.SYSTEM, "console")


def actor_id(session: Session, who: Actor) -> int:
    """Return the row id of `who`, making the row on first sight."""
    return actor_ids(session, who.kind, [who.name])[who.name]


def actor_ids(session: Session, kind: ActorKind, names: Collection[str]) -> dict[str, int]:
    """Return the row ids of several actors of one kind by their names, making rows on first sight."""
    found = select(actor.c.name, actor.c.id).where(actor.c.kind == kind, actor.c.name.in_(names))
    known = {row.name: row.id for row in session.execute(found)}
    new = [{"kind": kind, "name": name} for name in dict.fromkeys(names) if name not in known]
    if new:
        session.execute(upsert(actor).on_conflict_do_nothing(), new)
        known = {row.name: row.id for row in session.execute(found)}
    return known


class Facts(TypedDict, total=False):
    """The rest of an audit line: `key` names a subject without an id, `before` and `after` say what changed."""

    key: str | None
    attempt: int | None
    before: str | None
    after: str | None
    reason: str | None


def log_activity(
    session: Session,
    actor: int | None,
    at: datetime,
    action: Action,
    subject: Subject,
    subject_id: int | None = None,
    **facts: Unpack[Facts],
) -> None:
    """Add one line to the activity log."""
    key, reason = facts.pop("key", None), clean_reason(facts.pop("reason", None))
    line = {"subject_type": subject, "subject_id": subject_id, "subject_key": key, "what": action, "reason": reason}
    session.execute(insert(activity_log).values(actor_id=actor, at=at, **line, **facts))
