"""Expert instances: configured experts, whose every change of settings is a new revision."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import func, insert, null, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Impossible, Invalid, NotFound, Refused
from ba2_trade_platform.core.base.sanitizing import canonical_json, clean_name
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import ExpertCatalog, Requirement
from ba2_trade_platform.core.contracts.language_models import ModelSettings
from ba2_trade_platform.core.experts.availability import settings_problems, settings_sentence
from ba2_trade_platform.core.models.providers import ModelProviders
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.db.sql import violates

log = logging.getLogger(__name__)
_I, _C = t.expert_instance.c, t.expert_config.c
LIMITS: dict[str, tuple[float, float]] = {
    "max_concurrent": (1, 256),
    "max_reruns": (0, 100),
    "max_retries": (0, 20),
    "timeout_seconds": (0.1, 86_400),
    "retry_base_seconds": (0, 86_400),
    "retry_cap_seconds": (0, 86_400),
}


@dataclass(frozen=True)
class Instance:
    """One configured expert. `unmet` says what it lacks, for each subtype that it lacks it for."""

    id: int
    expert: str
    alias: str
    enabled: bool
    archived_at: datetime | None
    is_demo: bool
    max_concurrent: int
    max_reruns: int
    max_retries: int
    timeout_seconds: float
    retry_base_seconds: float
    retry_cap_seconds: float
    revision: int | None
    settings: Mapping[str, Any]
    unmet: tuple[Requirement, ...] = ()


_READER = Reader(Instance, t.expert_instance, revision=_C.revision, settings=_C.settings, unmet=null())
_INSTANCES = _READER.select().outerjoin(t.expert_config, _C.id == _I.config_id)


@dataclass(frozen=True)
class ExpertInfo:
    """One expert that this console ships, with its settings' JSON schema and what it lacks with default settings."""

    name: str
    description: str
    settings_schema: Mapping[str, Any]
    requirements: tuple[Requirement, ...]
    can_resume: bool
    safe_to_repeat: bool


class ExpertInstances:
    """Keeps the configured experts."""

    def __init__(self, store: Store, catalog: ExpertCatalog, models: ModelProviders | None = None) -> None:
        self._store = store
        self._catalog = catalog
        self._models = models

    def experts(self) -> list[ExpertInfo]:
        """Return the experts that can be configured."""
        return [
            ExpertInfo(
                expert.name,
                expert.description,
                expert.settings_model.model_json_schema(),
                self._unmet(expert.name, {}),
                expert.can_resume,
                expert.safe_to_repeat,
            )
            for expert in map(self._catalog.get, self._catalog.names())
        ]

    def list(self, *, archived: bool = False) -> list[Instance]:
        """Return the configured experts by alias; archived ones on request."""
        with self._store.read() as session:
            wanted = _INSTANCES if archived else _INSTANCES.where(_I.archived_at.is_(None))
            return [self._instance(row) for row in _READER.all(session, wanted.order_by(_I.alias))]

    def get(self, instance_id: int) -> Instance:
        """Return one configured expert, or raise NotFound."""
        with self._store.read() as session:
            return self._get(session, instance_id)

    def create(
        self,
        expert: str,
        alias: str,
        settings: Mapping[str, Any] | None = None,
        *,
        by: Actor,
        is_demo: bool = False,
        **limits: Any,
    ) -> Instance:
        """Configure an expert under a new alias. Raises Invalid for bad settings, Refused for an alias in use."""
        clean, valid = _alias(alias), self.validated(expert, settings or {})
        values = {"enabled": True, "max_concurrent": 4, "max_reruns": 3, "max_retries": 2, "timeout_seconds": 600}
        values |= {"retry_base_seconds": 5, "retry_cap_seconds": 300}
        values |= _checked(limits)
        with _unique(clean), self._store.command(by, Action.CREATE, Subject.EXPERT) as command:
            session = command.session
            new = insert(t.expert_instance).values(
                expert=expert, alias=clean, is_demo=is_demo, created_at=command.now, **values
            )
            instance_id = int(session.scalar(new.returning(_I.id)) or 0)
            _revise(session, instance_id, valid, command.actor_id, command.now)
            command.record(instance_id, after=clean)
            created = self._get(session, instance_id)
        log.info("%s configured expert %s as %s", by, expert, clean)
        return created

    def update(
        self, instance_id: int, *, by: Actor, settings: Mapping[str, Any] | None = None, **changes: Any
    ) -> Instance:
        """Change an instance; new settings become a new revision. Raises NotFound, Invalid or Refused."""
        changes = _checked(changes)
        if "alias" in changes:
            changes["alias"] = _alias(changes["alias"])
        with _unique(changes.get("alias", "")), self._store.command(by, Action.CHANGE, Subject.EXPERT) as command:
            session = command.session
            before = self._get(session, instance_id)
            if changes:
                session.execute(update(t.expert_instance).where(_I.id == instance_id).values(**changes))
            if settings is not None:
                valid = self.validated(before.expert, settings)
                _revise(session, instance_id, valid, command.actor_id, command.now)
            command.record(instance_id, after=", ".join([*changes, *(["settings"] if settings is not None else [])]))
            command.wake()  # more may run at once, or what was disabled may run again
            return self._get(session, instance_id)

    def archive(self, instance_id: int, *, by: Actor) -> None:
        """Take an instance out of use; its analyses stay, its alias is free again. Raises NotFound."""
        with self._store.command(by, Action.ARCHIVE, Subject.EXPERT) as command:
            alias = self._get(command.session, instance_id).alias
            command.session.execute(
                update(t.expert_instance)
                .where(_I.id == instance_id)
                .values(enabled=False, archived_at=func.coalesce(_I.archived_at, command.now))
            )
            command.record(instance_id, before=alias)
            command.wake()  # what waits for it is refused

    def validated(self, expert: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return an expert's settings as they are stored, what is absent by its default.

        Raises NotFound UNKNOWN_EXPERT, or Impossible INVALID_SETTINGS with the problem of each field in `fields`.
        """
        try:
            return self._catalog.get(expert).settings_model.model_validate(settings).model_dump(mode="json")
        except KeyError as error:
            known = ", ".join(self._catalog.names())
            raise NotFound(f"There is no expert {expert[:80]}; there are {known}", code="UNKNOWN_EXPERT") from error
        except ValidationError as error:
            sentence = settings_sentence(error).removeprefix("its ")
            fields = settings_problems(error)
            raise Impossible(f"{expert}: {sentence}", code="INVALID_SETTINGS", fields=fields) from error

    def _get(self, session: Session, instance_id: int) -> Instance:
        row = _READER.first(session, _INSTANCES.where(_I.id == instance_id))
        if row is None:
            raise NotFound(f"Expert instance {instance_id} not found", expert_instance_id=instance_id)
        return self._instance(row)

    def _instance(self, row: Instance) -> Instance:
        settings = row.settings or {}
        return replace(row, settings=settings, unmet=self._unmet(row.expert, settings))

    def _unmet(self, name: str, settings: Mapping[str, Any]) -> tuple[Requirement, ...]:
        try:
            expert = self._catalog.get(name)
            valid = expert.settings_model.model_validate(settings)
            lacking = [need for need in expert.requirements(valid) if not need.met]
            if isinstance(valid, ModelSettings) and self._models is not None:
                lacking += self._models.requirement(valid)
            return tuple(lacking)
        except KeyError:
            return (Requirement("expert", met=False, sentence=f"There is no expert {name} any more"),)
        except ValidationError as error:
            return (Requirement("settings", met=False, sentence=settings_sentence(error)),)


def _revise(session: Session, instance_id: int, settings: dict[str, Any], who: int, now: datetime) -> None:
    digest = hashlib.sha256(canonical_json(settings).encode()).hexdigest()
    latest = session.execute(
        select(_C.revision, _C.hash).where(_C.expert_instance_id == instance_id).order_by(_C.revision.desc()).limit(1)
    ).one_or_none()
    if latest is not None and latest.hash == digest:
        return
    config_id = session.scalar(
        insert(t.expert_config)
        .values(
            expert_instance_id=instance_id,
            revision=latest.revision + 1 if latest else 1,
            settings=settings,
            hash=digest,
            actor_id=who,
            created_at=now,
        )
        .returning(_C.id)
    )
    session.execute(update(t.expert_instance).where(_I.id == instance_id).values(config_id=config_id))


def _alias(text: str) -> str:
    alias = clean_name(text)
    if not 1 <= len(alias) <= 80:
        raise Invalid("An alias has 1 to 80 characters", code="INVALID_ALIAS")
    return alias


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    """Return what of an instance is given, each within its limits."""
    values = {name: value for name, value in given.items() if value is not None}
    for name, (low, high) in LIMITS.items():
        if name in values and not low <= values[name] <= high:
            raise Invalid(f"{name} must be between {low:g} and {high:g}, not {values[name]}")
    unknown = set(values) - set(LIMITS) - {"alias", "enabled"}
    if unknown:
        raise TypeError(f"an expert instance has no {', '.join(sorted(unknown))}")
    return values


@contextmanager
def _unique(alias: str) -> Iterator[None]:
    """Refuse an alias that another instance has."""
    try:
        yield
    except IntegrityError as error:
        if violates(error, t.expert_instance, "alias"):
            raise Refused(f"There already is an expert called {alias}", code="ALIAS_TAKEN") from error
        raise
