"""Fault injection: a scripted model's name may ask it to fail, so that real failures can be practised.

    rules                                       answers by rules, at once
    rules?seconds=1                             takes a second for each answer
    rules?fail=RATE_LIMIT&role=trader&times=1   fails the trader's first call for each symbol and as_of, then answers

`fail` is a code of the table of failures, or a broken answer: EMPTY, MALFORMED, TRUNCATED (its stream ends without a
finish reason), LENGTH (cut off at the longest answer) or HANG (never answers). `times` counts calls, repeats and
corrective tries included: 1 unless given, -1 is always. `scripted` is another word for `rules`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn, TypeVar
from urllib.parse import parse_qsl

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.demo.scripted_model.facts import Facts, role_of
from ba2_trade_platform.vocabulary import ErrorCode

Number = TypeVar("Number", int, float)
DEFAULT = "rules"
NAMES = (DEFAULT, "scripted")
PROVIDER = "scripted"
LONGEST_SECONDS = 3600.0
RETRY_AFTER_SECONDS = 1.0


class Broken(StrEnum):
    """The ways in which an answer can be broken."""

    EMPTY = "EMPTY"
    MALFORMED = "MALFORMED"
    TRUNCATED = "TRUNCATED"
    LENGTH = "LENGTH"
    HANG = "HANG"


SENTENCES = {
    ErrorCode.RATE_LIMIT: "The scripted provider answered 429: too many requests, slow down",
    ErrorCode.PROVIDER_DOWN: "The scripted provider answered 503: it is down for maintenance",
    ErrorCode.CONNECTION: "The scripted provider refused the connection",
    ErrorCode.TIMEOUT: "The scripted provider did not answer in time",
    ErrorCode.AUTH: "The scripted provider answered 401: the API key is wrong or has expired",
    ErrorCode.PERMISSION: "The scripted provider answered 403: this key may not use the model it asks for",
    ErrorCode.MODEL_NOT_FOUND: "The scripted provider answered 404: it has no model of this name",
    ErrorCode.BAD_REQUEST: "The scripted provider answered 400: the request has a parameter it does not accept",
    ErrorCode.CONTEXT_OVERFLOW: "The scripted model takes 8192 tokens and the request has more: shorten the input",
}


@dataclass(frozen=True)
class Practice:
    """What a model's name asks for; the default answers at once and never fails."""

    fail: ErrorCode | Broken | None = None
    role: str | None = None
    times: int = 1
    seconds: float = 0.0


class Failed:
    """Counts in this process how often each model failed a role on purpose; a restart begins anew. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str, str]] = Counter()

    def due(self, name: str, practice: Practice, facts: Facts) -> ErrorCode | Broken | None:
        """Return the failure that this call must practise, and count it; None where it must answer."""
        if practice.fail is None or practice.role not in (None, facts.role):
            return None
        key = (name, facts.symbol, facts.as_of, facts.role)
        with self._lock:
            if 0 <= practice.times <= self._counts[key]:
                return None
            self._counts[key] += 1
        return practice.fail


def practice_of(name: str) -> Practice:
    """Return what a model's name asks for; ValueError with a sentence for a name that cannot be understood."""
    base, _, options = name.partition("?")
    if base not in NAMES:
        raise ValueError(
            f"There is no scripted model {base!r}; its name is {DEFAULT}, with options behind a ? if wanted"
        )
    try:
        pairs = parse_qsl(options, keep_blank_values=True, strict_parsing=True) if options else []
    except ValueError as error:
        raise ValueError(f"{name}: behind the ? stands NAME=VALUE, several joined by &") from error
    given = dict(pairs)
    if unknown := [option for option in given if option not in ("fail", "role", "times", "seconds")]:
        raise ValueError(f"{name}: there is no option {unknown[0]!r}; there are fail, role, times and seconds")
    fail = _failure(name, given["fail"]) if "fail" in given else None
    if fail is None and ("role" in given or "times" in given):
        raise ValueError(f"{name}: role and times say when to fail, so fail is needed")
    role = role_of(given["role"]) if "role" in given else None
    if role == "":
        raise ValueError(f"{name}: there is no role {given['role']!r}; for example technical, bull, trader")
    times = f"{name}: times must be a whole number from -1 (always) to 1000"
    seconds = f"{name}: seconds must be a number from 0 to {LONGEST_SECONDS:g}"
    return Practice(
        fail,
        role,
        _ranged(int, given.get("times", "1"), -1, 1000, times),
        _ranged(float, given.get("seconds", "0"), 0, LONGEST_SECONDS, seconds),
    )


def fail(code: ErrorCode) -> NoReturn:
    """Raise what the provider of a real model would be understood to have answered; a real fault for BUG."""
    if code is ErrorCode.BUG:
        raise ZeroDivisionError("the practised bug: a rule divided by zero")
    retry_after = RETRY_AFTER_SECONDS if code is ErrorCode.RATE_LIMIT else None
    raise ExpertError(code, SENTENCES[code], retry_after=retry_after, provider=PROVIDER)


def _failure(name: str, text: str) -> ErrorCode | Broken:
    wanted = text.upper()
    if wanted == ErrorCode.OUTPUT_INVALID:
        return Broken.MALFORMED
    if wanted in Broken.__members__:
        return Broken(wanted)
    if wanted == ErrorCode.BUG or wanted in SENTENCES:
        return ErrorCode(wanted)
    known = ", ".join([*SENTENCES, ErrorCode.OUTPUT_INVALID, ErrorCode.BUG, *Broken])
    raise ValueError(f"{name}: {text!r} is no failure to practise; there are {known}")


def _ranged(kind: Callable[[str], Number], text: str, least: float, most: float, otherwise: str) -> Number:
    with suppress(ValueError):
        value = kind(text)
        if least <= value <= most:
            return value
    raise ValueError(otherwise)
