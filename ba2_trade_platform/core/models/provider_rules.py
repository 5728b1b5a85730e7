"""Provider rules: validate a model provider's fields, and bind its key to its own server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ba2_trade_platform.core.base.errors import Impossible, Invalid
from ba2_trade_platform.core.base.sanitizing import clean_name
from ba2_trade_platform.core.models import dialect_rules
from ba2_trade_platform.vocabulary import ProviderKind, StructuredMethod

VENDOR_URLS = {
    ProviderKind.OPENAI: "https://api.openai.com/v1",
    ProviderKind.ANTHROPIC: "https://api.anthropic.com",
    ProviderKind.OLLAMA: "http://127.0.0.1:11434",
}
KEY_VARIABLES = {ProviderKind.OPENAI: "OPENAI_API_KEY", ProviderKind.ANTHROPIC: "ANTHROPIC_API_KEY"}
# The models are what these vendors offered when this was written; a desk changes them on the page.
FIRST: dict[str, dict[str, Any]] = {
    "scripted": {"kind": ProviderKind.SCRIPTED, "quick_model": "rules", "deep_model": "rules", "concurrency": 64},
    "openai": {"kind": ProviderKind.OPENAI, "quick_model": "gpt-5-mini", "deep_model": "gpt-5"},
    "anthropic": {
        "kind": ProviderKind.ANTHROPIC, "quick_model": "claude-haiku-4-5", "deep_model": "claude-sonnet-4-5",
    },
    "ollama": {"kind": ProviderKind.OLLAMA, "quick_model": "llama3.2", "deep_model": "llama3.1", "concurrency": 2},
}  # fmt: skip
BLANK: dict[str, Any] = {
    "enabled": True, "base_url": None, "dialect": None, "dialect_changes": None, "structured": None, "windows": None,
    "requests_per_minute": None, "tokens_per_minute": None, "concurrency": 8,
}  # fmt: skip
LIMITS = {"requests_per_minute": (1, 1_000_000), "tokens_per_minute": (1, 1_000_000_000), "concurrency": (1, 1000)}
_NAME = re.compile(r"[a-z0-9-]{1,80}")
_LABELS = {
    "quick_model": "Quick model", "deep_model": "Deep model", "concurrency": "Calls at once",
    "requests_per_minute": "Requests a minute", "tokens_per_minute": "Tokens a minute",
}  # fmt: skip


def url_of(kind: ProviderKind, base_url: str | None) -> str | None:
    """Return where a provider is reached, None for one that is reached nowhere."""
    return base_url or VENDOR_URLS.get(kind)


def is_vendor(kind: ProviderKind, base_url: str | None) -> bool:
    """Tell whether a provider is the vendor itself: only that one is given the key of the environment."""
    return base_url is None or _origin(base_url) == _origin(VENDOR_URLS.get(kind, ""))


def same_place(kind: ProviderKind, one: str | None, other: str | None) -> bool:
    """Tell whether two addresses are of the same server, which a stored key may go on being sent to."""
    return _origin(url_of(kind, one) or "") == _origin(url_of(kind, other) or "")


def checked_name(name: str) -> str:
    """Return a provider's name, or raise Invalid."""
    if not _NAME.fullmatch(name):
        raise Invalid("A provider's name has 1 to 80 of the characters a-z, 0-9 and -", code="INVALID_NAME")
    return name


def checked(kind: ProviderKind, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return these fields of a provider as they are stored. Raises Invalid with a sentence."""
    clean = dict(values)
    for name in ("quick_model", "deep_model"):
        if name in clean:
            clean[name] = _model(_LABELS[name], clean[name])
    for name, (low, high) in LIMITS.items():
        given = clean.get(name)
        unlimited = given is None and name != "concurrency"
        if name in clean and not unlimited and (given is None or not low <= given <= high):
            raise Invalid(f"{_LABELS[name]} must be between {low:,} and {high:,}, not {given}")
    if "base_url" in clean:
        clean["base_url"] = _url(kind, clean["base_url"])
    if clean.get("structured") is not None:
        clean["structured"] = _structured(kind, clean["structured"])
    if clean.get("windows") is not None:
        clean["windows"] = _windows(clean["windows"])
    return dialect_rules.checked(kind, clean)


def _model(label: str, given: str | None) -> str:
    model = clean_name(given or "")
    if not 1 <= len(model) <= 200:
        raise Invalid(f"{label}: name a model, in at most 200 characters")
    return model


def _url(kind: ProviderKind, given: str | None) -> str | None:
    url = (given or "").strip().rstrip("/")
    if not url:
        return None
    if kind is ProviderKind.SCRIPTED:
        raise Impossible("The scripted provider is reached nowhere: it has no address")
    if not url.isascii() or not url.isprintable():
        raise Impossible(
            "The address may hold visible ASCII characters only: write a host of others as xn--...", code="INVALID_URL"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Impossible(f"The address is none: {error}", code="INVALID_URL") from error
    if len(url) > 500 or parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or " " in url:
        raise Impossible("The address must begin with http:// or https:// and name a host", code="INVALID_URL")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Impossible(
            "The address must hold no user, password or query: the key has its own field", code="INVALID_URL"
        )
    return url


def _structured(kind: ProviderKind, given: Mapping[str, Any]) -> dict[str, str] | None:
    methods: dict[str, str] = {}
    for model, said in given.items():
        try:
            method = StructuredMethod(said)
        except ValueError:
            known = ", ".join(StructuredMethod)
            raise Invalid(
                f"{model}: there is no structured-output method {str(said)[:40]!r}; there are {known}"
            ) from None
        dialect_rules.check_method(kind, method, model)
        methods[_model("Structured output", model)] = method.value
    return methods or None


def _windows(given: Mapping[str, Any]) -> dict[str, int] | None:
    windows = {_model("Window", model): dialect_rules.checked_window(said) for model, said in given.items()}
    return windows or None


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or {"https": 443, "http": 80}.get(parts.scheme)
