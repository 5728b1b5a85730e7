"""Tool calls: puts the deltas of a stream together, however a server numbers, repeats or cuts them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from ba2_trade_platform.llm.answers.json_reading import arguments_of

# As Kimi's models write the names of functions where their server leaves them alone.
_RAW = re.compile(r"^(?:functions?|tools?)\.|:\d+$")
_Place = int | str | tuple[str, str]  # a number, a position where there are none, or an id
_RAW_ID = re.compile(r"functions?\.([\w-]+):\d+")


@dataclass(frozen=True)
class CallDelta:
    """One piece of a call; `arguments` is text of JSON, or a part of it."""

    index: int | None = None
    id: str = ""
    name: str = ""
    arguments: str = ""
    extra: Any = None

    @classmethod
    def whole(cls, id: str | None, name: str, arguments: object) -> CallDelta:
        """Return a call that came in one piece, its arguments as an object."""
        return cls(None, id or "", name, json.dumps(arguments))


@dataclass(frozen=True)
class ToolCall:
    """One call; `arguments` are None where what was said is no object of JSON."""

    id: str
    name: str
    arguments: dict[str, Any] | None
    said: str
    extra: Any = None


@dataclass
class _Begun:
    index: int | None
    id: str
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    extra: Any = None

    def add(self, delta: CallDelta) -> None:
        """Take one more piece; what was said before is not said twice."""
        self.index = delta.index if self.index is None else self.index
        self.id = self.id or delta.id
        if delta.name.startswith(self.name):
            self.name = delta.name
        else:
            self.name += delta.name
        if delta.arguments:
            self.pieces.append(delta.arguments)
        self.extra = delta.extra if delta.extra is not None else self.extra

    @property
    def whole(self) -> bool:
        """Whether its arguments are complete as they stand."""
        return bool(self.pieces) and _is_object("".join(self.pieces))


class ToolCalls:
    """The calls of one answer while it is heard."""

    def __init__(self) -> None:
        self._begun: list[_Begun] = []
        self._latest: dict[_Place, _Begun] = {}

    def add(self, deltas: Sequence[CallDelta]) -> None:
        """Take the pieces of one chunk."""
        for position, delta in enumerate(deltas):
            unnumbered = f"at {position}"
            call = self._of(delta, unnumbered)
            if call is None:
                call = _Begun(delta.index, delta.id)
                self._begun.append(call)
            call.add(delta)
            self._latest |= {unnumbered: call, ("id", delta.id or call.id): call}
            if delta.index is not None:
                self._latest[delta.index] = call

    def calls(self) -> list[ToolCall]:
        """Return the calls, each with an id of its own."""
        made: list[ToolCall] = []
        taken: set[str] = set()
        for begun in _joined(self._begun):
            for said in _arguments(begun.pieces):
                raw = _RAW_ID.fullmatch(begun.id)
                name = _RAW.sub("", _RAW.sub("", begun.name.strip())) or (raw.group(1) if raw else "")
                if not name and not said.strip():
                    continue  # a call of nothing with nothing
                own = begun.id if begun.id and begun.id not in taken else f"{begun.id or 'call'}_{len(made) + 1}"
                taken.add(own)
                made.append(ToolCall(own, name, arguments_of(said), said, begun.extra))
        return made

    def _of(self, delta: CallDelta, unnumbered: str) -> _Begun | None:
        """Return the call that a piece belongs to, None where it begins one."""
        known = self._latest.get(("id", delta.id)) if delta.id else None
        if known is not None and (delta.index is None or known.index in {None, delta.index}):
            return known
        if delta.index is None and delta.id and delta.name:
            return None
        known = self._latest.get(unnumbered if delta.index is None else delta.index)
        return None if known is None or _begins(delta, known) else known


def _begins(delta: CallDelta, known: _Begun) -> bool:
    """Tell whether a piece in a call's place begins another call there."""
    if not delta.name:
        return False
    if delta.id and known.id and delta.id != known.id:
        return True
    other = bool(known.name) and known.name != delta.name and not delta.name.startswith(known.name)
    return other and (delta.index is None or known.whole)


def _joined(begun: Sequence[_Begun]) -> list[_Begun]:
    """Put pieces together again that a server gave an id each: alone none of them is whole."""
    made: list[_Begun] = []
    for one in begun:
        last = made[-1] if made else None
        same = last is not None and (last.index, last.name) == (one.index, one.name)
        if last is not None and same and last.pieces and not last.whole and not one.whole:
            last.pieces += one.pieces
        else:
            made.append(replace(one, pieces=[*one.pieces]))
    return made


def _arguments(pieces: Sequence[str]) -> list[str]:
    """Return the arguments that the pieces make up: of one call, or whole ones of calls that share a place."""
    joined = "".join(pieces)
    if len(pieces) < 2 or _is_object(joined):
        return [joined]
    if all(after.startswith(before) for before, after in pairwise(pieces)):
        return [pieces[-1]]  # each says all that was said so far
    if "".join(pieces[:-1]) == pieces[-1]:
        return [pieces[-1]]  # the last says it all again
    if all(_is_object(piece) for piece in pieces):
        return list(dict.fromkeys(pieces))
    return [joined]


def _is_object(text: str) -> bool:
    if not (text.lstrip()[:1] == "{" and text.rstrip()[-1:] == "}"):
        return False
    try:
        return isinstance(json.loads(text, strict=False), dict)
    except (ValueError, RecursionError):
        return False
