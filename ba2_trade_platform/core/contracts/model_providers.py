"""Model provider contract: provider, key state and connection, as much as the model gateway needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from ba2_trade_platform.core.contracts.dialects import Adaptation, Dialect
from ba2_trade_platform.core.contracts.model_windows import Window
from ba2_trade_platform.vocabulary import ProviderKind, StructuredMethod


class KeyState(StrEnum):
    """Whether a provider has the key it needs, and from where."""

    STORED = "stored"
    ENVIRONMENT = "environment"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True)
class Provider:
    """One model provider, without its key. `unavailable` says why it cannot be asked, None when it can.

    Rates are a minute; None is no limit. `url` is where it is reached, its vendor's where no `base_url` is set.
    `is_vendor`: that is the very server that its kind is named for, which alone is given the environment's key.
    `dialect` is how it is spoken to, with `dialect_changes` in it; one that is not `dialect_chosen` is the usual one of
    its kind and address. `adaptations` are what its models, by name, were seen to refuse, and `windows` the tokens
    that they hold.
    """

    name: str
    kind: ProviderKind
    enabled: bool
    base_url: str | None
    url: str | None
    is_vendor: bool
    quick_model: str
    deep_model: str
    dialect: Dialect
    dialect_chosen: bool
    dialect_changes: Mapping[str, Any]
    structured: Mapping[str, StructuredMethod]
    windows: Mapping[str, int]
    adaptations: Mapping[str, Sequence[Adaptation]]
    requests_per_minute: int | None
    tokens_per_minute: int | None
    concurrency: int
    key_state: KeyState
    key_words: str
    key_changed_at: datetime | None
    unavailable: str | None
    version: int

    def spoken(self, model: str) -> Dialect:
        """Return how this model is asked: in the provider's dialect, as the desk says of it, as it was seen to take it.

        What it was seen to take is forgotten when the desk says something else of the same.
        """
        changes: dict[str, Any] = {}
        if model in self.structured:
            changes["structured"] = self.structured[model]
        if model in self.windows:
            changes["window"] = self.windows[model]
        changes |= {one.field: one.value for one in self.adaptations.get(model, ())}
        return self.dialect.changed(changes)

    def adapted(self, model: str, adaptation: Adaptation) -> Provider:
        """Return the provider as it would be if its model were seen to take this."""
        others = [one for one in self.adaptations.get(model, ()) if one.field != adaptation.field]
        return replace(self, adaptations={**self.adaptations, model: [*others, adaptation]})


@dataclass(frozen=True, repr=False)
class Connection:
    """A provider with its key, for the gateway alone; it has no repr, so that no key is ever logged by accident."""

    provider: Provider
    key: str | None


class ProviderDirectory(Protocol):
    """Knows the providers of this desk; blocking, thread-safe."""

    def list(self) -> Sequence[Provider]:
        """Return the providers in the order in which they are asked."""

    def connection(self, name: str) -> Connection:
        """Return a provider with its key; raises NotFound."""

    def adapt(self, name: str, model: str, adaptation: Adaptation, version: int | None = None) -> None:
        """Remember what a provider's model took instead of what its dialect says.

        Nothing where the provider is gone, or was changed since `version`: it may be another server by now.
        """

    def window(self, provider: Provider, model: str) -> Window | None:
        """Return how many tokens a provider's model holds, None where nobody knows."""
