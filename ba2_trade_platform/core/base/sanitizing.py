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
_MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>")  # a member of an enumeration, as Python shows it


def problem_words(problem: str) -> str:
    """Return what pydantic found wrong, without the names of its classes and ours."""
    return _MEMBER.sub(r"\1", problem.removeprefix("Value error, "))


def clean_text(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text` without NUL and lone surrogates, cut to `limit` characters with a note."""
    clean = text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= limit else clean[: limit - len(_CUT)] + _CUT


def clean_reason(reason: str | None) -> str | None:
    """Return why a person does something as it is kept: cleaned, cut to 500 characters, None for none."""
    return clean_text((reason or "").strip(), REASON_LENGTH) or None


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
