"""Dialect rules: validate a provider's dialect and the changes that a desk makes to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ba2_trade_platform.core.base.errors import Impossible, Invalid
from ba2_trade_platform.core.contracts.dialects import OVERRIDABLE
from ba2_trade_platform.core.models.dialects import BY_NAME
from ba2_trade_platform.vocabulary import ProviderKind, StructuredMethod, TokenField, ToolChoice, UsageForm

WINDOW = (256, 100_000_000)  # tokens; below the first no debate can be held, above the second no server is known
MOST_HEADERS = 20
HEADER_LIMIT = 500
_CHOICES: Mapping[str, type[StrEnum]] = {
    "token_field": TokenField, "tool_choice": ToolChoice, "structured": StructuredMethod, "usage": UsageForm,
}  # fmt: skip
_EVERY_METHOD = {ProviderKind.OPENAI, ProviderKind.OLLAMA}
_FLAGS = ("reasoning_back", "reasoning_beside", "tools", "temperature")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,80}")
# The client's own: another value would break the request, or send the key in words that are shown.
_RESERVED = frozenset({"authorization", "content-length", "content-type", "host", "transfer-encoding", "connection"})


def checked(kind: ProviderKind, values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with dialect and changes as they are stored; one with an own address brings it along.

    Raises Invalid or Impossible with a sentence.
    """
    clean = dict(values)
    if clean.get("dialect"):
        preset = BY_NAME.get(clean["dialect"])
        if preset is None:
            raise Invalid(f"There is no dialect {str(clean['dialect'])[:40]!r}; there are {', '.join(BY_NAME)}")
        if preset.kind is not kind:
            raise Impossible(f"{preset.label} is not spoken by a provider of kind {kind}", code="OTHER_KIND")
        if not clean.get("base_url") and kind is ProviderKind.OPENAI and preset.name != "openai":
            if preset.base_url is None:
                raise Impossible(f"{preset.label} has no address of its own: enter your server's", code="INVALID_URL")
            clean["base_url"] = preset.base_url
    elif "dialect" in clean:
        clean["dialect"] = None
    if clean.get("dialect_changes") is not None:
        changes = {name: _checked(kind, name, value) for name, value in clean["dialect_changes"].items()}
        clean["dialect_changes"] = changes or None
    return clean


def check_method(kind: ProviderKind, method: Any, of: str = "This provider") -> None:
    """Raise Impossible where models of this kind give structured answers in other ways only."""
    if kind not in _EVERY_METHOD and method not in (StructuredMethod.FUNCTION_CALLING, StructuredMethod.PROMPT):
        raise Impossible(f"{of}: {kind} models give structured answers by function_calling or prompt only")


def checked_window(said: Any) -> int:
    """Return a window in tokens, or raise Invalid."""
    low, high = WINDOW
    if isinstance(said, bool) or not isinstance(said, int) or not low <= said <= high:
        raise Invalid(f"A window has {low:,} to {high:,} tokens, not {str(said)[:40]}")
    return said


def _checked(kind: ProviderKind, name: str, value: Any) -> Any:
    if name not in OVERRIDABLE:
        raise Invalid(f"A dialect has no field {name[:40]!r} to be changed; there are {', '.join(OVERRIDABLE)}")
    if name == "window":
        return None if value is None else checked_window(value)
    if name == "headers":
        return _headers(value)
    if name in _FLAGS:
        if not isinstance(value, bool):
            raise Invalid(f"{name} is true or false, not {str(value)[:40]!r}")
        return value
    choices = _CHOICES[name]
    if value not in list(choices):
        raise Invalid(f"{name} is one of {', '.join(choices)}, not {str(value)[:40]!r}")
    if name == "structured":
        check_method(kind, value)
    if name == "token_field" and (value == TokenField.NUM_PREDICT) is not (kind is ProviderKind.OLLAMA):
        raise Impossible(f"{value} is not known to a provider of kind {kind}")
    return str(value)


def _headers(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping) or len(given) > MOST_HEADERS:
        raise Invalid(f"headers are at most {MOST_HEADERS} names, each with its value")
    headers = {}
    for name, value in given.items():
        if not isinstance(name, str) or not _HEADER.fullmatch(name):
            raise Invalid(f"A header's name has 1 to 80 of the characters A-Z, a-z, 0-9 and -, not {str(name)[:40]!r}")
        if name.lower() in _RESERVED:
            raise Impossible(f"The header {name} is the client's own: the key has its own field", code="INVALID_HEADER")
        if not isinstance(value, str) or not (1 <= len(value) <= HEADER_LIMIT) or not _is_plain(value):
            raise Invalid(f"The header {name} has 1 to {HEADER_LIMIT} visible ASCII characters")
        headers[name] = value
    return headers


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable() and value == value.strip()
