"""Notification channels: Apprise addresses, encrypted and write-only, each with a test that sends at once."""

from __future__ import annotations

import builtins
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.access import needs
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.encryption import SecretBox, SecretLostError
from ba2_trade_platform.core.base.errors import Invalid, NotFound, Refused
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.core.notifications.quiet_hours import check_quiet_hours
from ba2_trade_platform.core.notifications.rendering import Text, to_text
from ba2_trade_platform.core.notifications.sender import Delivery, Sender
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.db.sql import violates
from ba2_trade_platform.vocabulary import MessageState

log = logging.getLogger(__name__)
_C, _M = t.notification_channel.c, t.notification.c
TEST = Text("Test of BA2 Trade Platform", "This is a test. Whoever reads it will be told what this desk's rules name.")
HOURS = ("quiet_from", "quiet_until", "zone")
URGENT = frozenset({EventType.RUN_MISSED, EventType.BREAKER_OPEN, EventType.ALERT})


@dataclass(frozen=True)
class Channel:
    """One way out, without its address: `hint` names its service. Nothing but urgent rules speaks in quiet hours."""

    id: int
    name: str
    enabled: bool
    hint: str
    quiet_from: str | None
    quiet_until: str | None
    zone: str
    created_at: datetime
    updated_at: datetime
    last_sent_at: datetime | None
    last_error_at: datetime | None
    last_error: str | None
    version: int


_CHANNELS = Reader(Channel, t.notification_channel)


@dataclass(frozen=True)
class Tested(Delivery):
    """What came of a test: what the service said, and how long it took."""

    ms: int


class Channels:
    """Keeps the channels."""

    def __init__(self, store: Store, box: SecretBox, sender: Sender, zone: str) -> None:
        self._store = store
        self.check_permission = store.check_permission
        self._box = box
        self._sender = sender
        self._zone = zone

    def list(self) -> builtins.list[Channel]:
        """Return the channels by name."""
        with self._store.read() as session:
            return _CHANNELS.all(session, _CHANNELS.select().order_by(_C.name))

    def get(self, channel_id: int) -> Channel:
        """Return one channel, or raise NotFound."""
        with self._store.read() as session:
            return _channel(session, channel_id)

    def create(self, name: str, url: str, *, by: Actor, occasions: Sequence[EventType] = (), **values: Any) -> Channel:
        """Add a channel, with a rule for each of these occasions. Raises Invalid, or Refused for a name in use."""
        named = _named(name)
        clean = {"enabled": True, "quiet_from": None, "quiet_until": None, "zone": self._zone, **_known(values)}
        check_quiet_hours(clean)
        clean |= {"name": named, **self._locked(url)}
        with self._store.command(by, Action.CREATE, Subject.NOTIFICATION_CHANNEL) as command:
            session, now = command.session, command.now
            try:
                new = insert(t.notification_channel).values(**clean, created_at=now, updated_at=now, version=1)
                channel_id = session.scalars(new.returning(_C.id)).one()
            except IntegrityError as error:
                raise _taken(error, named) from error
            rules = [
                {"channel_id": channel_id, "event": each.value, "enabled": True, "urgent": each in URGENT,
                 "group_seconds": 60, "created_at": now, "version": 1}
                for each in dict.fromkeys(occasions)
            ]  # fmt: skip
            if rules:
                session.execute(insert(t.notification_rule), rules)
            command.record(channel_id, after=named)
        log.info("%s added the notification channel %s", by, named)
        return self.get(channel_id)

    def change(self, channel_id: int, *, by: Actor, version: int | None = None, **changes: Any) -> Channel:
        """Change what is given; what waits in a channel that is switched off is not sent any more.

        Raises NotFound, Invalid, or Refused for a name in use or when somebody else changed it since `version`.
        """
        clean: dict[str, Any] = _known({key: value for key, value in changes.items() if key not in ("url", "name")})
        if "name" in changes:
            clean["name"] = _named(changes["name"])
        if "url" in changes:
            clean |= self._locked(changes["url"])
        with self._store.command(by, Action.CHANGE, Subject.NOTIFICATION_CHANNEL) as command:
            session = command.session
            stands = _channel(session, channel_id)
            if version is not None and stands.version != version:
                raise Refused.changed(stands.name)
            check_quiet_hours({name: clean.get(name, getattr(stands, name)) for name in HOURS})
            try:
                session.execute(
                    update(t.notification_channel)
                    .where(_C.id == channel_id)
                    .values(**clean, updated_at=command.now, version=stands.version + 1)
                )
            except IntegrityError as error:
                raise _taken(error, str(clean.get("name"))) from error
            if clean.get("enabled") is False:
                waiting = (_M.channel_id == channel_id) & (_M.state == MessageState.WAITING)
                given_up = {"state": MessageState.FAILED, "error": "The channel was switched off"}
                session.execute(update(t.notification).where(waiting).values(**given_up))
            command.record(channel_id, before=stands.name, after=", ".join(sorted(changes)))
        log.info("%s changed the notification channel %s: %s", by, stands.name, ", ".join(sorted(changes)))
        return self.get(channel_id)

    def remove(self, channel_id: int, *, by: Actor) -> None:
        """Forget a channel with its address, its rules and its messages. Raises NotFound."""
        with self._store.command(by, Action.REMOVE, Subject.NOTIFICATION_CHANNEL) as command:
            name = _channel(command.session, channel_id).name
            command.session.execute(delete(t.notification_channel).where(_C.id == channel_id))
            command.record(channel_id, before=name)
        log.info("%s removed the notification channel %s", by, name)

    @needs(Action.TEST, Subject.NOTIFICATION_CHANNEL)
    def test(self, channel_id: int, *, by: Actor) -> Tested:
        """Send a message at once, whatever the switch and the quiet hours say. Raises NotFound."""
        with self._store.read() as session:
            name = _channel(session, channel_id).name
            url = session.scalars(select(_C.url).where(_C.id == channel_id)).one()
        began = time.monotonic()
        delivery = self.send(url, TEST)
        said = f"{name} took the test message" if delivery.ok else f"{name}: {delivery.sentence}"
        log.info("%s tested the notification channel: %s", by, said)
        return Tested(delivery.ok, said, round((time.monotonic() - began) * 1000))

    def send(self, locked_url: bytes, text: Text) -> Delivery:
        """Send one message to an address that was stored here; never raises."""
        try:
            return self._sender.send(self._box.decrypt(locked_url), text)
        except SecretLostError as error:
            return Delivery(False, f"Its address cannot be read: {error}; enter it again")

    def close(self) -> None:
        """Wait for no service's answer any more."""
        self._sender.close()

    def _locked(self, url: object) -> dict[str, Any]:
        clean = str(url or "").strip()
        hint = self._sender.hint(clean)
        try:
            return {"url": self._box.encrypt(clean), "hint": to_text(hint, 200)}
        except OSError as error:
            raise Refused(f"The address cannot be kept: {error.filename}: {error.strerror}", code="KEY_FILE") from error
        except ValueError as error:
            sentence = "The address cannot be kept: secret.key in the data folder is damaged"
            raise Refused(sentence, code="KEY_FILE") from error


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(values) - {"enabled", *HOURS}
    if unknown:
        raise Invalid(f"A channel has no {', '.join(sorted(unknown))}")
    clean = {name: value or None if name.startswith("quiet") else value for name, value in values.items()}
    if not isinstance(clean.get("enabled", True), bool):
        raise Invalid("A channel is either enabled or not")
    return clean


def _named(name: object) -> str:
    named = to_text(name, 200)
    if not 1 <= len(named) <= 80:
        raise Invalid("A channel's name has 1 to 80 characters")
    return named


def _channel(session: Session, channel_id: int) -> Channel:
    channel = _CHANNELS.first(session, _CHANNELS.select().where(_C.id == channel_id))
    if channel is None:
        raise NotFound("There is no such notification channel")
    return channel


def _taken(error: IntegrityError, name: str) -> Exception:
    if violates(error, t.notification_channel, "name"):
        return Refused(f"There already is a channel {name}", code="NAME_TAKEN")
    return error
