"""Wire reading: bytes of an answer become JSON, whether they come as events, as lines or as one body."""

from __future__ import annotations

import asyncio
import codecs
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import Any

DRAIN_SECONDS = 0.25
DONE = "[DONE]"
_FIELDS = frozenset({"data", "event", "id", "retry", ""})  # the last is of comments
_FAILING = range(400, 600)
_LINE_END = re.compile(r"\r\n|\r|\n")
_SHOWN = 120


class ResponseError(Exception):
    """An error that a server reports inside of an answer; `body` is what it says, `status_code` what it means."""

    def __init__(self, said: Any) -> None:
        self.body = said if isinstance(said, dict) else {"message": str(said)}
        super().__init__(json.dumps(self.body, default=str, ensure_ascii=False))
        status = str(self.body.get("code", self.body.get("status")))
        self.status_code = int(status) if status.isdecimal() and int(status) in _FAILING else None


async def events(pieces: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """Yield what server-sent events say, or the one body of a server that sends no stream.

    Raises JSONDecodeError for broken JSON and ResponseError for what is none. Comments and empty events say nothing.
    """
    data: list[str] = []
    bare: list[str] = []
    async for line in _lines(pieces):
        field, _, value = line.partition(":")
        if not line.strip():
            for said in _said(data):
                yield said
            data = []
        elif bare or field not in _FIELDS:
            bare.append(line)
        elif field == "data" and value.strip() == DONE:
            await _drain(pieces)
            break
        elif field == "data":
            data.append(value)
    for said in (*_said(data), *_bodies(bare)):
        yield said


async def objects(pieces: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """Yield the JSON objects of a stream that has one on each line, or of one body that has one on many."""
    bare: list[str] = []
    async for line in _lines(pieces):
        if bare or line.strip() in {"{", "["}:
            bare.append(line)
            continue
        for said in _said((line.removeprefix("data:"),)):
            yield said
    for said in _bodies(bare):
        yield said


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Yield the lines, wherever the bytes were cut; only what the protocols call an end of a line ends one."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    begun: list[str] = []
    half = ""  # of a line end that may go on in the next piece
    async for piece in pieces:
        text = half + decoder.decode(piece)
        half = "\r" if text.endswith("\r") else ""
        *ended, rest = _LINE_END.split(text.removesuffix("\r"))
        for line in ended:
            yield "".join((*begun, line))
            begun = []
        begun.append(rest)
    yield "".join((*begun, decoder.decode(b"", final=True)))


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read what is left of an answer that has ended, so that its connection can be used again."""
    with suppress(Exception):  # the answer is there: what its connection does now is no matter
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in pieces:
                pass


def _said(data: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield what the data lines of one event say; servers that part events by one line end have many in one."""
    whole = "\n".join(data).strip()
    if not whole:
        return
    try:
        yield _object(json.loads(whole))
    except json.JSONDecodeError:
        if len(data) == 1:
            raise
        for line in data:
            yield from _said((line,))


def _bodies(bare: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield what came outside of any event."""
    whole = "\n".join(bare).strip()
    if not whole:
        return
    if whole[0] not in "{[":
        raise ResponseError(f"it answered with something that is no answer of this protocol: {whole[:_SHOWN]}")
    yield from _said(bare)


def _object(said: object) -> dict[str, Any]:
    if isinstance(said, list) and len(said) == 1:  # Google's servers send errors so
        said = said[0]
    if not isinstance(said, dict):
        raise ResponseError(f"it sent {str(said)[:_SHOWN]!r} in place of an answer")
    return said
