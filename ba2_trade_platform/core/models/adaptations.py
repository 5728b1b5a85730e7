"""Adaptations: the parts of a dialect that a model was seen to refuse, kept so that it is asked rightly at once."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.sanitizing import clean_text
from ba2_trade_platform.core.contracts.dialects import Adaptation
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert as upsert

_A = t.model_adaptation.c
REASON_LIMIT = 400
# By provider, then by model.
Adaptations = Mapping[str, Mapping[str, list[Adaptation]]]


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


def forget(session: Session, provider: str, model: str | None = None) -> None:
    """Delete those of a model, or of all models of a provider."""
    of_model = () if model is None else (_A.model == model,)
    session.execute(delete(t.model_adaptation).where(_A.provider == provider, *of_model))
