"""JSON reading: finds the objects in the words of a model, within prose, fences, strings and wrappings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ba2_trade_platform.llm.answers.thinking import part

_FENCE = re.compile(r"^[ \t>]*(```+|~~~+)[ \t]*[\w+.-]*[ \t]*\r?$(.*?)^[ \t>]*\1", re.DOTALL | re.MULTILINE)
_DECODER = json.JSONDecoder(strict=False)  # line ends within strings are a common fault, and do no harm
_BOM = "\ufeff"
MOST_TRIES = 300  # a text of brackets alone must not take for ever
MOST_SHELLS = 5
_ARGUMENTS = ("arguments", "parameters", "args", "input")


def objects_in(text: str) -> list[dict[str, Any]]:
    """Return the outermost JSON objects in a text, in their order; those in lists and strings of JSON too."""
    whole = _decoded(text.strip(_BOM + " \t\r\n"))
    found = list(_shelled(whole)) if isinstance(whole, dict | list | str) and whole != text else []
    if found:
        return found
    fenced = [one for fence in _FENCE.finditer(text) for one in _scanned(fence.group(2))]
    return fenced or list(_scanned(text))


def unwrapped(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return an object, and what it wraps: under its own name, under one key alone, or as arguments of a call."""
    forms = [found]
    for _ in range(MOST_SHELLS):
        inner = _wrapped(forms[-1], name)
        shelled = list(_shelled(inner)) if inner is not None else []
        if len(shelled) != 1:
            break
        forms.append(shelled[0])
    return forms


def arguments_of(text: str | None) -> dict[str, Any] | None:
    """Return a call's arguments; none at all are an empty object, None where the text is no object of JSON."""
    plain = (text or "").strip(_BOM + " \t\r\n")
    if plain in {"", "null"}:
        return {}
    found = list(_shelled(_decoded(plain)))
    if not found and plain[0] != "{":  # thinking or prose before it, or a fence; what merely breaks off is no object
        found = objects_in(part(plain).answer)
    return found[0] if len(found) == 1 else None


def _wrapped(found: dict[str, Any], name: str) -> Any:
    named = [key for key in found if key.lower() == name.lower()]
    if named:
        return found[named[0]]
    if str(found.get("name", "")).lower() == name.lower():
        return next((found[key] for key in _ARGUMENTS if key in found), None)
    return next(iter(found.values())) if len(found) == 1 else None


def _shelled(found: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the objects in a list or in a string of JSON."""
    if isinstance(found, dict):
        yield found
    elif depth < MOST_SHELLS and isinstance(found, list):
        for one in found:
            yield from _shelled(one, depth + 1)
    elif depth < MOST_SHELLS and isinstance(found, str):
        yield from _shelled(_decoded(found), depth + 1)


def _decoded(text: str) -> Any:
    with suppress(ValueError, RecursionError):  # the latter: brackets within brackets without end
        return _DECODER.decode(text)
    return None


def _scanned(text: str) -> Iterator[dict[str, Any]]:
    at = text.find("{")
    for _ in range(MOST_TRIES):
        if at < 0:
            return
        try:
            found, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield found
        at = text.find("{", end)
