"""Dialect contract: how a model server wants to be asked, where it differs from others of the same protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ba2_trade_platform.vocabulary import ProviderKind, StructuredMethod, TokenField, ToolChoice, UsageForm

# What a desk may say otherwise for its own server; the rest of a dialect is its name and its vendor's address.
OVERRIDABLE = (
    "token_field", "reasoning_back", "reasoning_beside", "tool_choice", "structured", "usage", "window", "headers",
)  # fmt: skip


@dataclass(frozen=True)
class Dialect:
    """The habits of one vendor's server.

    `reasoning_back`: what a model thought before it called a tool must be sent back to it with the tool's result.
    `reasoning_beside`: tokens of thinking are counted beside those of the answer, not among them.
    `window`: tokens of question and answer together, where all its models have the same; None: not known.
    `headers` are sent with each request; `{key}` in a value stands for the API key.
    """

    name: str
    label: str
    kind: ProviderKind
    base_url: str | None = None
    token_field: TokenField = TokenField.MAX_TOKENS
    reasoning_back: bool = False
    reasoning_beside: bool = False
    tool_choice: ToolChoice = ToolChoice.NAMED
    structured: StructuredMethod = StructuredMethod.FUNCTION_CALLING
    usage: UsageForm = UsageForm.ASKED
    window: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def changed(self, changes: Mapping[str, Any]) -> Dialect:
        """Return the dialect with these of its OVERRIDABLE fields said otherwise."""
        typed: dict[str, Any] = {
            name: _TYPES.get(name, _as_it_is)(value) for name, value in changes.items() if name in OVERRIDABLE
        }
        return replace(self, **typed)


@dataclass(frozen=True)
class Adaptation:
    """One field of a dialect that one model refused, what it took instead, why, and when that was seen."""

    field: str
    value: Any
    reason: str
    adapted_at: datetime


def _as_it_is(value: Any) -> Any:
    return value


_TYPES = {"token_field": TokenField, "tool_choice": ToolChoice, "structured": StructuredMethod, "usage": UsageForm}
