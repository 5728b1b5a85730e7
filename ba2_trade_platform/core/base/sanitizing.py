"""Sanitizing: makes foreign texts and JSON storable, so that one bad character never sinks a batch of writes."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np

MAX_TEXT = 4 * 1024 * 1024
REASON_LENGTH = 500
_CUT = " ... (cut)"
# All that a terminal obeys, but tab and newline: C0, DEL and C1.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# What is not seen, as the inside of a character class that JSON Schema understands too: Unicode's
# Default_Ignorable_Code_Point, separators of lines, marks of annotations and hieroglyphs, and what is drawn as nothing.
INVISIBLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
# What turns the direction in which the rest of a line is read, begins one, or says something that only machines read.
_TURNING = re.compile("[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\U000e0000-\U000e0fff]")
_MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>")  # a member of an enumeration, as Python shows it


def problem_words(problem: str) -> str:
    """Return what pydantic found wrong, without the names of its classes and ours."""
    return _MEMBER.sub(r"\1", problem.removeprefix("Value error, "))


def clean_text(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text` without control characters and lone surrogates, cut to `limit` characters with a note.

    Newlines are \\n and tabs stay; whatever else a terminal would obey goes.
    """
    clean = _CONTROLS.sub("", text.replace("\r\n", "\n")).encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= limit else clean[: limit - len(_CUT)] + _CUT


def clean_reason(reason: str | None) -> str | None:
    """Return why a person does something as it is kept: cleaned, cut to 500 characters, None for none."""
    return clean_text(whole_reason(reason or ""), REASON_LENGTH) or None


def whole_reason(reason: str) -> str:
    """Return a reason of any length, cleaned: it stands in the midst of sentences. One that shows nothing is empty."""
    return _TURNING.sub("", clean_text(reason)).strip() if clean_name(reason) else ""


def clean_name(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text` as a name: one line of visible characters in the order in which they are read, cut to `limit`."""
    return clean_text(" ".join(_INVISIBLE.sub("", clean_text(text.replace("\r", "\n"))).split()), limit)


def clean_json(value: object) -> Any:
    """Return a JSON-able copy: texts cleaned, NaN and infinities as None, unknown objects as their text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clean_json(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return clean_json(value.tolist())
    return clean_text(str(value))


def canonical_json(value: object) -> str:
    """Return the one spelling of a JSON-able value: sorted keys, no spaces, everything finite; for hashes."""
    return json.dumps(clean_json(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
