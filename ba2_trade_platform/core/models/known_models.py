"""Known models: each provider's models with window, price and last test, so that a trader chooses with open eyes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.language_models import Tier
from ba2_trade_platform.core.contracts.model_checks import CheckedModel
from ba2_trade_platform.core.contracts.model_providers import Provider
from ba2_trade_platform.core.models.checks import ModelChecks
from ba2_trade_platform.core.models.dialects import BY_NAME
from ba2_trade_platform.core.models.pricing import Price, Pricing
from ba2_trade_platform.core.models.providers import ModelProviders
from ba2_trade_platform.core.models.windows import window_of
from ba2_trade_platform.db import tables as t

LATEST_CALLS = 5_000  # a log of millions is not read through for a list to choose from
_C = t.model_call.c
_LATEST = select(_C.provider, _C.model, _C.started_at).order_by(_C.id.desc()).limit(LATEST_CALLS).subquery()
_USED = select(_LATEST.c.provider, _LATEST.c.model, func.max(_LATEST.c.started_at).label("last")).group_by(
    _LATEST.c.provider, _LATEST.c.model
)
_Key = tuple[str, str]


@dataclass(frozen=True)
class KnownModel:
    """One model of a provider. `tiers`: what it is the provider's own for; `window` in tokens, None: not known.

    `price` is None where nobody knows it, `tested` where it never was, `last_used_at` where it is in none of the
    newest calls.
    """

    provider: str
    model: str
    tiers: tuple[Tier, ...]
    window: int | None
    price: Price | None
    tested: CheckedModel | None
    last_used_at: datetime | None

    @property
    def name(self) -> str:
        """Return it as an expert's settings name it."""
        return f"{self.provider}:{self.model}"


class KnownModels:
    """Gathers what this desk knows of the models of its providers; `price_of` says what one costs now."""

    def __init__(
        self,
        store: Store,
        providers: ModelProviders,
        pricing: Pricing,
        price_of: Callable[[str, str], Price | None],
        checks: ModelChecks,
    ) -> None:
        self._store = store
        self._providers = providers
        self._pricing = pricing
        self._price_of = price_of
        self._checks = checks

    def list(self, provider: str | None = None) -> Sequence[KnownModel]:
        """Return the models of all providers, or of one, in the providers' order: its own first, then by name.

        Raises NotFound for a provider that this desk does not have.
        """
        chosen = [one for one in self._providers.list() if provider in (None, one.name)]
        if provider is not None and not chosen:
            raise NotFound(f"There is no model provider {provider[:80]}")
        with self._store.read() as session:
            used = _read_used(session)
        checks = self._checks.list()
        return [model for one in chosen for model in self._of(one, used, checks)]

    def _of(
        self, provider: Provider, used: Mapping[_Key, datetime], checks: Mapping[_Key, CheckedModel]
    ) -> Iterable[KnownModel]:
        own = (provider.quick_model, provider.deep_model)
        seen = [model for name, model in (*used, *checks) if name == provider.name]
        others = {*seen, *provider.windows, *provider.structured, *provider.adaptations, *self._priced(provider)}
        for model in dict.fromkeys((*own, *sorted(others - set(own)))):
            tiers: list[Tier] = ["quick"] if model == own[0] else []
            yield KnownModel(
                provider.name,
                model,
                (*tiers, "deep") if model == own[1] else tuple(tiers),
                window.tokens if (window := window_of(provider, model)) else None,
                self._price_of(provider.name, model),
                checks.get((provider.name, model)),
                used.get((provider.name, model)),
            )

    def _priced(self, provider: Provider) -> set[str]:
        """Return the models that the price table has for this provider, or for the vendor whose server it is."""
        names = {provider.name}
        preset = BY_NAME[provider.dialect.name]
        if preset.base_url and urlsplit(preset.base_url).hostname == urlsplit(provider.url or "").hostname:
            names.add(preset.name)
        prices = self._pricing.table().prices
        return {price.model for price in prices if price.provider in names and not price.model.endswith("*")}


def _read_used(session: Session) -> dict[_Key, datetime]:
    return {(row.provider, row.model): row.last for row in session.execute(_USED)}
