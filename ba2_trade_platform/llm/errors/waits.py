"""Retry hints: in how many seconds a provider wants to be asked again, from its headers and its words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

LONGEST = timedelta(days=62).total_seconds()  # beyond two months it is a mistake, or no time at all
_BEIJING = timezone(timedelta(hours=8))  # where the clocks of Zhipu's quotas stand
_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[dhms])")
_SPAN = r"((?:\d+(?:\.\d+)?\s*(?:ms|[dhms])\s*)+)\b"
_IN_WORDS = (
    re.compile(
        rf"(?:try again|retry|available|reset\w*|wait)\s+(?:in|after|for)?\s*(?:about\s+)?{_SPAN}", re.IGNORECASE
    ),
    re.compile(
        r"(?:try again|retry|reset\w*|wait)\s+(?:in|after|for)?\s*(?:about\s+)?(\d+(?:\.\d+)?)\s*"
        r"(millisecond|second|minute|hour|day)s?",
        re.IGNORECASE,
    ),
    re.compile(r"(\d+(?:\.\d+)?)\s*(毫秒|秒|分钟|小时|天)\s*(?:之?后|以?后|内)"),
)
_WORD_UNITS = {
    "millisecond": 0.001, "second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0,
    "毫秒": 0.001, "秒": 1.0, "分钟": 60.0, "小时": 3600.0, "天": 86_400.0,
}  # fmt: skip
_AT = re.compile(r"(?:reset at|将在|于)\s*(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
_RESETS = re.compile(r"(?:x-ratelimit|anthropic-ratelimit)-?(.*)-reset|x-ratelimit-reset-?(.*)")


def retry_after(headers: Mapping[str, str], wait: str | None, words: str, now: datetime) -> float | None:
    """Return the seconds to wait, None where nothing says so; the plainest word first."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _seconds(headers.get(name), now, unit)
        if seconds is not None:
            return seconds
    for seconds in (span(wait or ""), _in_words(words, now), _of_exhausted(headers, now)):
        if seconds is not None and seconds <= LONGEST:
            return seconds
    return None


def span(text: str) -> float | None:
    """Return a time such as 7m12.5s, 36s or 6ms in seconds."""
    clean = text.strip().lower()
    parts = _PART.findall(clean)
    if not parts or _PART.sub("", clean).strip():
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _in_words(words: str, now: datetime) -> float | None:
    spans: list[tuple[re.Pattern[str], Callable[[re.Match[str]], float | None]]] = [
        (_IN_WORDS[0], lambda found: span(found.group(1))),
        (_IN_WORDS[1], lambda found: float(found.group(1)) * _WORD_UNITS[found.group(2).lower()]),
        (_IN_WORDS[2], lambda found: float(found.group(1)) * _WORD_UNITS[found.group(2)]),
    ]
    for pattern, read in spans:
        found = pattern.search(words)
        if found:
            return read(found)
    at = _AT.search(words)
    if at:
        with suppress(ValueError):
            instant = datetime.strptime(at.group(1), "%Y-%m-%d %H:%M:%S").replace(tzinfo=_BEIJING)
            return max(0.0, (instant - now).total_seconds())
    return None


def _of_exhausted(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return when the last of those limits comes back of which nothing remains."""
    found: list[float] = []
    for name, value in headers.items():
        reset = _RESETS.fullmatch(name.lower())
        if reset is None:
            continue
        remaining = headers.get(name.lower().replace("reset", "remaining"))
        seconds = _seconds(value, now)
        if remaining is not None and remaining.strip() == "0" and seconds is not None:
            found.append(seconds)
    return max(found, default=None)


def _seconds(text: str | None, now: datetime, unit: float = 1.0) -> float | None:
    """Return seconds from a number of them, an instant in seconds or milliseconds since 1970, a date or a span."""
    said = (text or "").strip()
    with suppress(ValueError):
        number = float(said) * unit
        if not math.isfinite(number):
            return None
        if number > 1e9:
            number = (number / 1000 if number > 1e11 else number) - now.timestamp()
        return max(0.0, number) if number <= LONGEST else None
    with suppress(ValueError, TypeError, OverflowError):
        instant = parsedate_to_datetime(said)
        return max(0.0, (instant.replace(tzinfo=instant.tzinfo or UTC) - now).total_seconds())
    with suppress(ValueError, OverflowError):
        instant = datetime.fromisoformat(said)
        return max(0.0, (instant.replace(tzinfo=instant.tzinfo or UTC) - now).total_seconds())
    return span(said)
