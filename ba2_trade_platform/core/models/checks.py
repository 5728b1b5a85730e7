"""Model checks: the newest findings of Test connection by model, for the pickers and the Providers page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, select

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.sanitizing import clean_text
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.model_checks import CheckedModel, ModelCheck
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert as upsert
from ba2_trade_platform.vocabulary import ErrorCode, ModelCheckKind

_K = t.model_check.c
_PROVIDERS = select(t.model_provider.c.name)
SENTENCE_LIMIT = 500


class ModelChecks:
    """The CheckRecorder of this console, on the table `model_check`; what is tested anew replaces what was found."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, provider: str, checks: Sequence[ModelCheck]) -> None:
        """Keep what was found of each model, and forget what was found at providers that are gone."""
        by_model: dict[str, list[dict[str, Any]]] = {}
        for check in checks:
            if check.ok is not None:
                by_model.setdefault(check.model, []).append(_stored(check))
        with self._store.write(internal=True) as transaction:
            session, now = transaction.session, self._store.clock.now()
            for model, findings in by_model.items():
                values = {"provider": provider, "model": model, "findings": findings, "checked_at": now}
                statement = upsert(t.model_check).values(values)
                changed = {"findings": findings, "checked_at": now}
                session.execute(statement.on_conflict_do_update(index_elements=["provider", "model"], set_=changed))
            session.execute(delete(t.model_check).where(_K.provider.not_in(_PROVIDERS)))
            transaction.touch(Topic.MODELS)

    def list(self) -> Mapping[tuple[str, str], CheckedModel]:
        """Return the newest findings by (provider, model)."""
        with self._store.read() as session:
            rows = session.execute(select(t.model_check)).all()
        return {
            (row.provider, row.model): CheckedModel(
                row.provider, row.model, [_read(row.model, one) for one in row.findings], row.checked_at
            )
            for row in rows
        }


def _stored(check: ModelCheck) -> dict[str, Any]:
    return {
        "check": check.check.value,
        "ok": check.ok,
        "sentence": clean_text(check.sentence, SENTENCE_LIMIT),
        "code": check.code.value if check.code else None,
        "ms": check.ms,
        "tokens": check.tokens,
        "cost": None if check.cost is None else str(check.cost),
    }


def _read(model: str, kept: Mapping[str, Any]) -> ModelCheck:
    return ModelCheck(
        ModelCheckKind(kept["check"]),
        model,
        kept["ok"],
        kept["sentence"],
        ErrorCode(kept["code"]) if kept["code"] else None,
        kept["ms"],
        kept["tokens"],
        None if kept["cost"] is None else Decimal(kept["cost"]),
    )
