"""Model providers: the desk's models, limits and switches, and keys that go in and never come out."""

from __future__ import annotations

import builtins
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.change_feed import Change, Topic
from ba2_trade_platform.core.base.encryption import SecretBox, SecretLostError
from ba2_trade_platform.core.base.errors import Impossible, Invalid, NotFound, Refused
from ba2_trade_platform.core.base.sanitizing import clean_name
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.dialects import Adaptation
from ba2_trade_platform.core.contracts.experts import Requirement
from ba2_trade_platform.core.contracts.language_models import ModelSettings
from ba2_trade_platform.core.contracts.model_providers import Connection, KeyState, Provider
from ba2_trade_platform.core.contracts.model_windows import Window
from ba2_trade_platform.core.models import adaptations
from ba2_trade_platform.core.models import provider_rules as rules
from ba2_trade_platform.core.models.adaptations import ForgottenAdaptations
from ba2_trade_platform.core.models.dialects import BY_NAME, usual_dialect
from ba2_trade_platform.core.models.windows import window_of
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import AnyRow
from ba2_trade_platform.db.sql import violates
from ba2_trade_platform.vocabulary import ProviderKind, StructuredMethod

log = logging.getLogger(__name__)
_P = t.model_provider.c
MAX_KEY = 1000
_KEY_RULE = f"A key has 1 to {MAX_KEY} printable characters without spaces"


class ModelProviders:
    """Keeps the providers; a key is encrypted before it is stored and leaves only through `connection`."""

    def __init__(self, store: Store, box: SecretBox, environment: Mapping[str, str]) -> None:
        self._store = store
        self._box = box
        self._environment = environment
        self._known: tuple[Connection, ...] | None = None
        self._changes = 0
        store.feed.subscribe(self._forget, Topic.MODELS)

    def seed_if_empty(self) -> None:
        """Put the first providers into a console that has none."""
        with self._store.read() as session:
            if session.scalar(select(func.count()).select_from(t.model_provider)):
                return
        with self._store.write() as transaction:
            now = self._store.clock.now()
            for position, (name, values) in enumerate(rules.FIRST.items()):
                _insert(transaction.session, name, {**rules.BLANK, **values, "position": position}, now)
            transaction.touch(Topic.MODELS)

    def list(self) -> builtins.list[Provider]:
        """Return the providers in the order in which they are shown."""
        return [connection.provider for connection in self._connections()]

    def get(self, name: str) -> Provider:
        """Return one provider, or raise NotFound."""
        return self.connection(name).provider

    def connection(self, name: str) -> Connection:
        """Return one provider with its key, or raise NotFound. Only the gateway may ask."""
        found = next((one for one in self._connections() if one.provider.name == name), None)
        if found is None:
            raise NotFound(f"There is no model provider {name[:80]}")
        return found

    def create(self, name: str, kind: ProviderKind, *, by: Actor, key: str | None = None, **values: Any) -> Provider:
        """Add a provider. Raises Invalid for bad values, Refused for a name in use."""
        clean = {**rules.BLANK, **rules.checked(kind, values), "kind": kind, **self._locked(kind, key)}
        try:
            with self._store.command(by, Action.CREATE, Subject.PROVIDER) as command:
                session = command.session
                last = session.scalar(select(func.max(_P.position)))
                _insert(session, rules.checked_name(name), {**clean, "position": (last or 0) + 1}, command.now)
                command.record(key=name)
        except IntegrityError as error:
            if violates(error, t.model_provider, "name"):
                raise Refused(f"There already is a provider {name}", code="NAME_TAKEN") from error
            raise
        log.info("%s added the model provider %s", by, name)
        return self.get(name)

    def change(self, name: str, *, by: Actor, version: int | None = None, **changes: Any) -> Provider:
        """Change what is given, `key` included: None takes the stored one away.

        Raises NotFound, Invalid, or Refused when somebody else changed it since `version`. A stored key is dropped
        when the address becomes another server's, unless one comes with it: it was not meant for that one.
        """
        return self._change(name, changes, by, version)

    def _change(
        self, name: str, changes: Mapping[str, Any], by: Actor, version: int | None = None, *, as_first: bool = False
    ) -> Provider:
        before = self.get(name)
        given = {field: value for field, value in changes.items() if field != "key"}
        if "dialect" in given:
            given.setdefault("base_url", before.base_url)
        elif "base_url" in given and before.dialect_chosen:
            given["dialect"] = before.dialect.name  # which may have an address of its own
        clean = rules.checked(before.kind, given)
        elsewhere = "base_url" in clean and not rules.same_place(before.kind, before.base_url, clean["base_url"])
        if "key" in changes:
            clean |= self._locked(before.kind, changes["key"])
        elif elsewhere:
            clean |= {"key": None, "key_changed_at": None}
        with self._store.command(by, Action.CHANGE, Subject.PROVIDER) as command:
            session = command.session
            stands = session.scalar(select(_P.version).where(_P.name == name))
            if stands is None:
                raise NotFound(f"There is no model provider {name}")
            if version is not None and stands != version:
                raise Refused.changed(name)
            session.execute(
                update(t.model_provider)
                .where(_P.name == name)
                .values(**clean, version=stands + 1, updated_at=command.now)
            )  # fmt: skip
            adaptations.forget_said_anew(session, before, clean, elsewhere=elsewhere or as_first)
            command.record(key=name, after=", ".join(sorted(changes)))
        log.info("%s changed the model provider %s: %s", by, name, ", ".join(sorted(changes)))
        return self.get(name)

    def reset(self, name: str, *, by: Actor) -> Provider:
        """Give one of the first providers its first values again; its key stays. Raises NotFound or Refused."""
        self.get(name)
        if name not in rules.FIRST:
            raise Refused(f"{name} was added here: it has no first values", code="NO_FIRST_VALUES")
        first = {field: value for field, value in rules.FIRST[name].items() if field != "kind"}
        return self._change(name, {**rules.BLANK, **first}, by, as_first=True)

    def remove(self, name: str, *, by: Actor) -> None:
        """Forget a provider and its key; experts that name it pass it over. Raises NotFound."""
        with self._store.command(by, Action.REMOVE, Subject.PROVIDER) as command:
            gone = command.session.execute(delete(t.model_provider).where(_P.name == name).returning(_P.name)).all()
            if not gone:
                raise NotFound(f"There is no model provider {name[:80]}")
            adaptations.forget(command.session, name)
            command.record(key=name)
        log.info("%s removed the model provider %s", by, name)

    def usable(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of `names` that can be asked now, in their order."""
        able = {one.provider.name for one in self._connections() if one.provider.unavailable is None}
        return tuple(name for name in names if name in able)

    def requirement(self, settings: ModelSettings) -> builtins.list[Requirement]:
        """Return what these settings lack: nothing, or why none of their providers can be asked."""
        lacking = []
        for label, model in (("Quick model", settings.quick_model), ("Deep model", settings.deep_model)):
            provider, _, rest = (model or "").partition(":")
            if model and not (rest and provider in settings.providers):
                among = f"one of its providers: {', '.join(settings.providers)}"
                lacking.append(f"{label} {model!r} must be PROVIDER:MODEL with {among}")
        if not self.usable(settings.providers):
            known = {one.provider.name: one.provider.unavailable for one in self._connections()}
            reasons = (f"{name}: {known.get(name, 'there is no such provider')}" for name in settings.providers)
            lacking.append(f"No model provider can be asked ({'; '.join(reasons)})")
        return [Requirement("models", met=False, sentence=sentence) for sentence in lacking]

    def window(self, provider: Provider, model: str) -> Window | None:
        """Return how many tokens a provider's model holds, None where nobody knows."""
        return window_of(provider, model)

    def adapt(self, name: str, model: str, adaptation: Adaptation, version: int | None = None) -> None:
        """Remember what a provider's model took instead of what its dialect says.

        Nothing where the provider is gone, or was changed since `version`: it may be another server by now.
        """
        with self._store.write(internal=True) as transaction:
            session = transaction.session
            stands = session.scalar(select(_P.version).where(_P.name == name))
            if (
                stands is None
                or version not in (None, stands)
                or adaptations.is_known(session, name, model, adaptation)
            ):
                return
            adaptations.remember(session, name, model, adaptation)
            transaction.touch(Topic.MODELS)
        log.warning("%s's %s is asked %s from now on: %s", name, model, adaptation.words, adaptation.reason)

    def forget_adaptations(self, name: str, model: str | None = None, *, by: Actor) -> ForgottenAdaptations:
        """Ask a provider's model, or all of them, as its dialect says again. Raises NotFound or Invalid."""
        if model is not None and not clean_name(model):
            raise Invalid("Name a model, or none for all")
        self.get(name)
        with self._store.command(by, Action.CHANGE, Subject.PROVIDER) as command:
            models = adaptations.forget(command.session, name, model)
            if models:
                command.record(key=name, after=f"asked as its dialect says again: {', '.join(models)}"[:400])
        log.info("%s forgot what %s was seen to take: %s", by, name, ", ".join(models) or "nothing")
        if not models:
            return ForgottenAdaptations([], f"{name} was not seen to refuse anything{f' of {model}' if model else ''}")
        return ForgottenAdaptations(models, f"{name} is asked as its dialect says again: {', '.join(models)}")

    def _forget(self, _: Change) -> None:
        """Forget what was read: it was changed in this program, or perhaps in another one."""
        self._changes += 1
        self._known = None

    def _connections(self) -> tuple[Connection, ...]:
        known, changes = self._known, self._changes
        if known is None:
            with self._store.read() as session:
                rows = session.execute(select(t.model_provider).order_by(_P.position, _P.name)).all()
                seen = adaptations.read(session)
            known = tuple(self._read(row, seen.get(row.name, {})) for row in rows)
            if changes == self._changes:  # what was read before another's commit must not be kept after it
                self._known = known
        return known

    def _read(self, row: AnyRow, seen: Mapping[str, Sequence[Adaptation]]) -> Connection:
        kind, base_url, changes = row.kind, row.base_url, row.dialect_changes or {}
        dialect = BY_NAME[row.dialect or usual_dialect(kind, base_url)].changed(changes)
        key, state, words = self._key_of(row)
        missing = None if state in (KeyState.STORED, KeyState.ENVIRONMENT, KeyState.NOT_NEEDED) else words
        provider = Provider(
            row.name, kind, row.enabled, base_url, rules.url_of(kind, base_url),
            rules.is_vendor(kind, base_url), row.quick_model, row.deep_model,
            dialect, row.dialect is not None, changes,
            {model: StructuredMethod(method) for model, method in (row.structured or {}).items()},
            row.windows or {}, seen,
            row.requests_per_minute, row.tokens_per_minute, row.concurrency, state, words, row.key_changed_at,
            missing if row.enabled else "switched off", row.version,
        )  # fmt: skip
        return Connection(provider, key)

    def _key_of(self, row: AnyRow) -> tuple[str | None, KeyState, str]:
        lost = None
        if row.key is not None:
            try:
                return self._box.decrypt(row.key), KeyState.STORED, "stored"
            except SecretLostError as error:
                lost = f"the stored API key cannot be read: {error}; enter it again"
        vendor, variable = rules.is_vendor(row.kind, row.base_url), rules.KEY_VARIABLES.get(row.kind)
        if vendor and variable and (key := self._environment.get(variable, "").strip()):
            if _is_key(key):
                return key, KeyState.ENVIRONMENT, f"from the environment ({variable})"
            lost = f"the environment's {variable} is no key: {_KEY_RULE}"
        if lost:
            return None, KeyState.UNREADABLE, lost
        if vendor and variable:
            return None, KeyState.MISSING, f"no API key: enter one on Providers, or set {variable}"
        return None, KeyState.NOT_NEEDED, "not needed"

    def _locked(self, kind: ProviderKind, key: str | None) -> dict[str, Any]:
        if key is None:
            return {"key": None, "key_changed_at": None}
        clean = key.strip()
        if kind not in rules.KEY_VARIABLES and kind is not ProviderKind.OLLAMA:
            raise Impossible("This provider needs no key", code="NO_KEY_NEEDED")
        if not _is_key(clean):
            raise Invalid(_KEY_RULE, code="INVALID_KEY")
        try:
            return {"key": self._box.encrypt(clean), "key_changed_at": self._store.clock.now()}
        except OSError as error:
            raise Refused(f"The key cannot be kept: {error.filename}: {error.strerror}", code="KEY_FILE") from error
        except ValueError as error:
            raise Refused(
                "The key cannot be kept: secret.key in the data folder is damaged", code="KEY_FILE"
            ) from error


def _is_key(key: str) -> bool:
    """Tell whether it can be sent: a client that cannot send it may say it in its complaint."""
    return 1 <= len(key) <= MAX_KEY and key.isascii() and key.isprintable() and " " not in key


def _insert(session: Session, name: str, values: Mapping[str, Any], now: datetime) -> None:
    session.execute(insert(t.model_provider).values(name=name, **values, version=1, created_at=now, updated_at=now))
