"""Adaptations: the parts of a dialect that a model was seen to refuse, kept so that it is asked rightly at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.sanitizing import clean_text
from ba2_trade_platform.core.contracts.dialects import Adaptation
from ba2_trade_platform.core.contracts.model_providers import Provider
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert as upsert

_A = t.model_adaptation.c
REASON_LIMIT = 400
# By provider, then by model.
Adaptations = Mapping[str, Mapping[str, list[Adaptation]]]


@dataclass(frozen=True)
class ForgottenAdaptations:
    """Whose models are asked as their dialect says again."""

    models: list[str]
    sentence: str


def read(session: Session) -> Adaptations:
    """Return all of them, those of a model by the name of their field."""
    found: dict[str, dict[str, list[Adaptation]]] = {}
    for row in session.execute(select(t.model_adaptation).order_by(_A.provider, _A.model, _A.field)):
        of_model = found.setdefault(row.provider, {}).setdefault(row.model, [])
        of_model.append(Adaptation(row.field, row.value, row.reason, row.adapted_at))
    return found


def remember(session: Session, provider: str, model: str, adaptation: Adaptation) -> None:
    """Write one down, in the place of what its field had before."""
    values = {
        "provider": provider, "model": model, "field": adaptation.field, "value": adaptation.value,
        "reason": clean_text(adaptation.reason, REASON_LIMIT), "adapted_at": adaptation.adapted_at,
    }  # fmt: skip
    keys = ("provider", "model", "field")
    changed = {name: value for name, value in values.items() if name not in keys}
    statement = upsert(t.model_adaptation).values(values)
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def is_known(session: Session, provider: str, model: str, adaptation: Adaptation) -> bool:
    """Tell whether the same was remembered already, for whatever reason."""
    same = select(_A.value).where(_A.provider == provider, _A.model == model, _A.field == adaptation.field)
    return any(row.value == adaptation.value for row in session.execute(same))


def forget(
    session: Session, provider: str, model: str | None = None, fields: Collection[str] | None = None
) -> list[str]:
    """Delete those of a model, or of all models of a provider, and return which models' were deleted."""
    of_model = () if model is None else (_A.model == model,)
    of_fields = () if fields is None else (_A.field.in_(sorted(fields)),)
    gone = delete(t.model_adaptation).where(_A.provider == provider, *of_model, *of_fields).returning(_A.model)
    return sorted(set(session.scalars(gone)))


def forget_said_anew(session: Session, before: Provider, said: Mapping[str, Any], *, elsewhere: bool) -> None:
    """Delete what a desk's later word makes void: all of it for another server or dialect, else of what it names."""
    if elsewhere or ("dialect" in said and said["dialect"] != (before.dialect.name if before.dialect_chosen else None)):
        forget(session, before.name)
    if "dialect_changes" in said:
        forget(session, before.name, fields=_different(before.dialect_changes, said["dialect_changes"]))
    for field, of_models in (("structured", before.structured), ("windows", before.windows)):
        if field in said:
            for model in _different(of_models, said[field]):
                forget(session, before.name, model, (field.removesuffix("s"),))


def _different(one: Mapping[str, Any], other: Mapping[str, Any] | None) -> set[str]:
    known = other or {}
    return {name for name in {*one, *known} if one.get(name) != known.get(name)}
