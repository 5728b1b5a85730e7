"""Dialect contract: how a model server wants to be asked, where it differs from others of the same protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ba2_trade_platform.vocabulary import ProviderKind, StructuredMethod, TokenField, ToolChoice, UsageForm

# What a desk may say otherwise for its own server; the rest of a dialect is its name and its vendor's address.
OVERRIDABLE = (
    "token_field", "reasoning_back", "reasoning_beside", "tools", "tool_choice", "structured", "temperature", "usage",
    "window", "headers",
)  # fmt: skip


@dataclass(frozen=True)
class Dialect:
    """The habits of one vendor's server.

    `reasoning_back`: what a model thought before it called a tool must be sent back to it with the tool's result.
    `reasoning_beside`: tokens of thinking are counted beside those of the answer, not among them.
    `tools`: it may be given tools; `temperature`: it may be given one.
    `window`: tokens of question and answer together, where all its models have the same; None: not known.
    `headers` are sent with each request; `{key}` in a value stands for the API key. `body` is added to each request.
    """

    name: str
    label: str
    kind: ProviderKind
    base_url: str | None = None
    token_field: TokenField = TokenField.MAX_TOKENS
    reasoning_back: bool = False
    reasoning_beside: bool = False
    tools: bool = True
    tool_choice: ToolChoice = ToolChoice.NAMED
    structured: StructuredMethod = StructuredMethod.FUNCTION_CALLING
    temperature: bool = True
    usage: UsageForm = UsageForm.ASKED
    window: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> StructuredMethod:
        """How a structured answer is asked for, which is not by a tool where there are none."""
        if self.tools or self.structured is not StructuredMethod.FUNCTION_CALLING:
            return self.structured
        return StructuredMethod.PROMPT if self.kind is ProviderKind.ANTHROPIC else StructuredMethod.JSON_SCHEMA

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

    @property
    def words(self) -> str:
        """How the model is asked, to be read after "is asked"."""
        if isinstance(self.value, bool):
            return f"{'with' if self.value else 'without'} {_IN_WORDS.get(self.field, self.field)}"
        if self.value == ToolChoice.AUTO:
            return "for a tool in words, none is forced"
        if self.value == UsageForm.UNASKED:
            return "without stream_options"
        return _IN_WORDS.get(self.field, f"with {self.field} {{}}").format(self.value)


_IN_WORDS = {
    "tools": "tools", "temperature": "a temperature", "reasoning_back": "its thoughts sent back",
    "token_field": "with {}", "tool_choice": "with tool_choice {}", "structured": "for structured answers by {}",
    "window": "with {:,} tokens of question and answer at most",
}  # fmt: skip


def _as_it_is(value: Any) -> Any:
    return value


_TYPES = {"token_field": TokenField, "tool_choice": ToolChoice, "structured": StructuredMethod, "usage": UsageForm}
