"""Notification rules: route events to channels by expert, confidence and urgency."""

from __future__ import annotations

import builtins
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Impossible, Invalid, NotFound, Refused
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader

log = logging.getLogger(__name__)
_R, _C, _I = t.notification_rule.c, t.notification_channel.c, t.expert_instance.c
LONGEST_GROUP = 86_400
OF_AN_EXPERT = (EventType.FAILED, EventType.CONFIDENT)
_FIRST = {"enabled": True, "urgent": False, "min_confidence": None, "expert_instance_id": None, "group_seconds": 60}


@dataclass(frozen=True)
class Rule:
    """Events of `occasion` go to the channel, those of one expert or all; `urgent` ones in its quiet hours too.

    What comes within `group_seconds` of the first is one message. `min_confidence` is CONFIDENT's, in percent.
    """

    id: int
    channel_id: int
    channel: str
    occasion: EventType
    enabled: bool
    urgent: bool
    min_confidence: float | None
    expert_instance_id: int | None
    expert: str | None
    group_seconds: int
    created_at: datetime
    version: int

    def fits(self, event: str, facts: Mapping[str, Any]) -> bool:
        """Tell whether it wants this event."""
        of_expert = self.expert_instance_id in (None, facts.get("expert_instance_id"))
        confident = self.min_confidence is None or float(facts.get("confidence") or 0) >= self.min_confidence
        return self.enabled and event == self.occasion and of_expert and confident


_READER = Reader(Rule, t.notification_rule, channel=_C.name, occasion=_R.event, expert=_I.alias)


def read_rules(session: Session, *conditions: ColumnElement[bool]) -> list[Rule]:
    """Return the rules that meet these conditions, by channel and occasion."""
    statement = (
        _READER.select()
        .join(t.notification_channel, _C.id == _R.channel_id)
        .outerjoin(t.expert_instance, _I.id == _R.expert_instance_id)
        .where(*conditions)
        .order_by(_C.name, _R.event, _R.id)
    )
    return [replace(rule, occasion=EventType(rule.occasion)) for rule in _READER.all(session, statement)]  # from text


class Rules:
    """Keeps the rules."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self) -> builtins.list[Rule]:
        """Return the rules by channel and occasion."""
        with self._store.read() as session:
            return read_rules(session)

    def create(self, channel_id: int, occasion: EventType, *, by: Actor, **values: Any) -> Rule:
        """Add a rule. Raises NotFound for the channel, Invalid for bad values."""
        clean = {**_FIRST, **_known(values)}
        _check(occasion, clean)
        with self._store.command(by, Action.CREATE, Subject.NOTIFICATION_RULE) as command:
            session = command.session
            if session.scalar(select(_C.id).where(_C.id == channel_id)) is None:
                raise NotFound("There is no such notification channel")
            _check_expert(session, clean)
            rule_id = session.scalars(
                insert(t.notification_rule)
                .values(**clean, channel_id=channel_id, event=occasion.value, created_at=command.now, version=1)
                .returning(_R.id)
            ).one()
            command.record(rule_id, after=occasion.value)
            rule = _rule(session, rule_id)
        log.info("%s added a notification rule for %s", by, occasion.value)
        return rule

    def change(self, rule_id: int, *, by: Actor, version: int | None = None, **changes: Any) -> Rule:
        """Change what is given. Raises NotFound, Invalid, or Refused when somebody else changed it since `version`."""
        clean = _known(changes)
        with self._store.command(by, Action.CHANGE, Subject.NOTIFICATION_RULE) as command:
            session = command.session
            stands = _rule(session, rule_id)
            if version is not None and stands.version != version:
                raise Refused.changed("This rule")
            _check(stands.occasion, {**{name: getattr(stands, name) for name in _FIRST}, **clean})
            _check_expert(session, clean)
            values = {**clean, "version": stands.version + 1}
            session.execute(update(t.notification_rule).where(_R.id == rule_id).values(**values))
            command.record(rule_id, after=", ".join(sorted(changes)))
            rule = _rule(session, rule_id)
        log.info("%s changed the notification rule %s: %s", by, rule_id, ", ".join(sorted(changes)))
        return rule

    def remove(self, rule_id: int, *, by: Actor) -> None:
        """Forget a rule; what it has brought about is still sent. Raises NotFound."""
        with self._store.command(by, Action.REMOVE, Subject.NOTIFICATION_RULE) as command:
            stands = _rule(command.session, rule_id)
            command.session.execute(delete(t.notification_rule).where(_R.id == rule_id))
            command.record(rule_id, before=stands.occasion.value)
        log.info("%s removed the notification rule %s", by, rule_id)


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(values) - set(_FIRST)
    if unknown:
        raise Invalid(f"A rule has no {', '.join(sorted(unknown))}")
    return dict(values)


def _check(occasion: EventType, values: Mapping[str, Any]) -> None:
    seconds, lowest = values["group_seconds"], values["min_confidence"]
    if not isinstance(seconds, int) or not 0 <= seconds <= LONGEST_GROUP:
        raise Invalid(f"What comes within 0 to {LONGEST_GROUP:,} seconds can be one message")
    if lowest is not None and occasion is not EventType.CONFIDENT:
        raise Impossible("Only recommendations have a confidence")
    if lowest is not None and not 1 <= lowest <= 100:
        raise Invalid("A confidence is between 1 and 100")
    if values["expert_instance_id"] is not None and occasion not in OF_AN_EXPERT:
        raise Impossible("Only failures and recommendations are one expert's")


def _check_expert(session: Session, values: Mapping[str, Any]) -> None:
    expert = values.get("expert_instance_id")
    if expert is not None and session.scalar(select(_I.id).where(_I.id == expert)) is None:
        raise NotFound(f"There is no expert instance {expert}")


def _rule(session: Session, rule_id: int) -> Rule:
    rules = read_rules(session, _R.id == rule_id)
    if not rules:
        raise NotFound("There is no such notification rule")
    return rules[0]
