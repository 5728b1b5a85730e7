"""Model provider contract: provider, key state and connection, as much as the model gateway needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from ba2_trade_platform.core.contracts.dialects import Adaptation, Dialect
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
    `dialect` is how it is spoken to, with `dialect_changes` in it; one that is not `dialect_chosen` is the usual one of
    its kind and address. `adaptations` are what its models, by name, were seen to refuse, and `windows` the tokens
    that they hold.
    """

    name: str
    kind: ProviderKind
    enabled: bool
    base_url: str | None
    url: str | None
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
        """Return how this model is asked: the provider's dialect, what the model took instead, and what the desk says.

        What a person has said of this very model comes before what it was seen to take.
        """
        changes: dict[str, Any] = {one.field: one.value for one in self.adaptations.get(model, ())}
        if model in self.structured:
            changes["structured"] = self.structured[model]
        if model in self.windows:
            changes["window"] = self.windows[model]
        return self.dialect.changed(changes)


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

    def adapt(self, name: str, model: str, adaptation: Adaptation) -> None:
        """Remember what a provider's model took instead of what its dialect says; nothing where it is gone."""
