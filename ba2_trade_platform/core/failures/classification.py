"""Failure classification: gives each failure its code, kind and fingerprint, once, where the exception is caught."""

from __future__ import annotations

import hashlib
import math
import re
import traceback
from dataclasses import dataclass
from types import TracebackType

from ba2_trade_platform.core.base.sanitizing import clean_text
from ba2_trade_platform.core.contracts.error_codes import KINDS, code_of
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.failures.former_names import PACKAGE, former_name
from ba2_trade_platform.vocabulary import ErrorCode, FailureKind

MESSAGE_LIMIT = 4_000
NAME_LIMIT = 80
TRACEBACK_LIMIT = 64_000
_PARTICULARS = (
    (re.compile(r"https?://\S+"), "<url>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b"), "<id>"),
    (re.compile(r"'[^'\n]{0,200}'|\"[^\"\n]{0,200}\"|`[^`\n]{0,200}`"), "<quote>"),
    (re.compile(r"\d+(?:[.,]\d+)*"), "<n>"),
)


@dataclass(frozen=True)
class Failure:
    """Why an attempt did not complete."""

    code: ErrorCode
    kind: FailureKind
    message: str
    fingerprint: str
    traceback: str | None = None
    retry_after: float | None = None
    provider: str | None = None


def classify(error: BaseException, symbol: str = "") -> Failure:
    """Return what `error`, raised by an expert about `symbol`, means."""
    code = code_of(error)
    message = clean_text(_sentence(error, code), MESSAGE_LIMIT)
    text = clean_text("".join(traceback.format_exception(error)))
    return Failure(
        code=code,
        kind=KINDS[code],
        message=message,
        fingerprint=fingerprint(code, message, _top_of_our_stack(error.__traceback__), symbol),
        traceback=text if len(text) <= TRACEBACK_LIMIT else f"... cut ...\n{text[-TRACEBACK_LIMIT:]}",
        retry_after=_seconds(getattr(error, "retry_after", None)),
        provider=_name(getattr(error, "provider", None)),
    )


def _name(said: object) -> str | None:
    """Return who failed as a name, None where it is none: other libraries' errors keep all kinds of things there."""
    return clean_text(said.strip(), NAME_LIMIT) or None if isinstance(said, str) else None


def _seconds(asked: object) -> float | None:
    """Return the time that a provider asks to wait as seconds, None where it makes no sense: it came from outside."""
    usable = isinstance(asked, int | float) and math.isfinite(asked) and asked >= 0
    return float(asked) if usable else None  # type: ignore[arg-type]  # `usable` says it is a number


def failure(code: ErrorCode, message: str, symbol: str = "") -> Failure:
    """Return a failure that the console itself found, without an exception behind it."""
    clean = clean_text(message, MESSAGE_LIMIT)
    return Failure(code, KINDS[code], clean, fingerprint(code, clean, "", symbol))


def fingerprint(code: ErrorCode, message: str, place: str, symbol: str = "") -> str:
    """Return the hash that equal failures share: code, message without its particulars, top of our stack."""
    general = re.sub(rf"\b{re.escape(symbol)}\b", "<symbol>", message) if symbol else message
    for pattern, stand_in in _PARTICULARS:
        general = pattern.sub(stand_in, general)
    general = " ".join(general.split()).lower()[:500]
    return hashlib.sha256(f"{code.value}\n{general}\n{place}".encode()).hexdigest()[:16]


def _sentence(error: BaseException, code: ErrorCode) -> str:
    text = str(error).strip()
    if isinstance(error, ExpertError):
        return text or code.value
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def _top_of_our_stack(trace: TracebackType | None) -> str:
    place = ""
    for frame, _ in traceback.walk_tb(trace):
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(PACKAGE):
            place = f"{former_name(module)}:{frame.f_code.co_name}"
    return place
