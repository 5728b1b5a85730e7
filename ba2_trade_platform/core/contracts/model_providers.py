"""Model provider contract: provider, key state and connection, as much as the model gateway needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

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
    """

    name: str
    kind: ProviderKind
    enabled: bool
    base_url: str | None
    url: str | None
    quick_model: str
    deep_model: str
    structured: Mapping[str, StructuredMethod]
    requests_per_minute: int | None
    tokens_per_minute: int | None
    concurrency: int
    key_state: KeyState
    key_words: str
    key_changed_at: datetime | None
    unavailable: str | None
    version: int

    def method(self, model: str) -> StructuredMethod:
        """Return how this model is asked for a structured answer, by default as most of its kind are."""
        ollama = self.kind is ProviderKind.OLLAMA
        usual = StructuredMethod.JSON_SCHEMA if ollama else StructuredMethod.FUNCTION_CALLING
        return self.structured.get(model) or usual


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
