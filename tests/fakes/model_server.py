"""A model provider on this machine: speaks the protocols of OpenAI, Anthropic and Ollama, and fails as it is told."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.patience import EVENT_SECONDS

if TYPE_CHECKING:
    from tests.fakes.vendors import Vendor

NEVER = 86_400.0  # seconds: longer than any test


@dataclass(frozen=True)
class Reply:
    """What the server does with one request.

    `status` other than 200 answers with `error`, and `raw` with itself, whatever the status. `ends` is how the
    stream ends: well, cut, corrupt, stalled, endless, or garbled from its beginning.
    `tokens` are those in and out that it counts. `wire` are the bytes of the answer as they are sent,
    in place of all that stands before it, and `media` what the server calls them.
    """

    text: str = "ready"
    status: int = 200
    error: str = ""
    code: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    call: tuple[str, str] | None = None  # a tool's name and its arguments as text
    finish: str = "stop"
    ends: str = "well"
    seconds: float = 0
    tokens: tuple[int, int] = (11, 7)
    wire: tuple[bytes, ...] = ()
    media: str = "text/event-stream"
    cached: tuple[int, int] = (0, 0)  # tokens read from the cache and written into it; those in include both
    reasoning: int = 0  # tokens of thinking among those out
    raw: tuple[str, str | bytes] | None = None  # a media type and a body, sent as they are


@dataclass
class Asked:
    """One request as the server saw it; `whole`: its answer was sent to its end.

    `began` is set when the answer begins, `left` when it is over; one that never begins is never over either.
    """

    at: float
    path: str
    body: dict[str, Any]
    authorization: str
    headers: Mapping[str, str] = field(default_factory=dict)
    began: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    whole: bool = False
    reply: Reply | None = None

    @property
    def digest(self) -> str:
        """What was asked, in short: two requests that ask the same have the same."""
        return hashlib.sha256(json.dumps(self.body, sort_keys=True).encode()).hexdigest()[:16]


class ModelServer:
    """Answers with the given replies in order, the last one for ever; counts what it is asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.replies: list[Reply] = [Reply()]
        self.answers: Callable[[Asked], Reply] | None = None  # instead of the replies
        self.vendor: Vendor | None = None  # whose habits it has; plain ones, until told otherwise
        self.asked: list[Asked] = []
        self.reads: Callable[[Asked], int] | None = None  # how many tokens of a question it reads, and says so
        self.says: dict[str, Any] = {}  # what it answers about itself, by path
        self.looked: list[str] = []  # at which of these paths somebody looked
        self.limit: tuple[int, float] | None = None  # so many requests in so many seconds
        self.refused = 0
        self.silences = 0  # how often it asked for silence, and who came before it was over
        self.too_soon = 0
        self._silent_until = 0.0
        self.most_at_once = 0
        self.arrived = threading.Event()
        self._at_once = 0

    def will(self, *replies: Reply) -> None:
        """Answer so from now on."""
        self.replies = list(replies)

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        now = time.monotonic()
        authorization = request.headers.get("authorization") or request.headers.get("x-api-key", "")
        asked = Asked(now, request.url.path, await request.json(), authorization, request.headers)
        most, seconds = self.limit or (math.inf, 0)
        recent = sum(earlier.at > now - seconds for earlier in self.asked)
        self.asked.append(asked)
        self.too_soon += now < self._silent_until
        self.arrived.set()
        if recent >= most:
            self.refused += 1
            return self._failed(Reply(status=429, error="Slow down", headers=(("retry-after", "1"),)), asked)
        refusal = self.vendor.refusal(asked) if self.vendor else None
        reply = asked.reply = refusal or self._reply(asked)
        if reply.raw is not None:
            asked.left.set()
            return Response(reply.raw[1], reply.status, dict(reply.headers), reply.raw[0])
        if reply.status != 200:
            return self._failed(reply, asked)
        if self.reads is not None:
            reply = asked.reply = replace(reply, tokens=(self.reads(asked), reply.tokens[1]))
        lines: Sequence[str | bytes] = (
            self.vendor.lines(reply, asked) if self.vendor else reply.wire or _PROTOCOLS[request.url.path](reply)
        )
        return StreamingResponse(self._stream(lines, reply, asked), media_type=reply.media)

    async def about(self, request: Request) -> Response:
        """Answer what somebody wants to know of the server itself."""
        self.looked.append(request.url.path)
        said = self.says.get(request.url.path)
        return JSONResponse(said if said is not None else {"detail": "Not Found"}, 404 if said is None else 200)

    def _failed(self, reply: Reply, asked: Asked) -> Response:
        wanted = dict(reply.headers).get("retry-after")
        if wanted is not None:
            self.silences += 1
            self._silent_until = time.monotonic() + float(wanted)
        return _failed(reply, asked)

    def _reply(self, asked: Asked) -> Reply:
        if self.answers is not None:
            return self.answers(asked)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    async def _stream(self, lines: Sequence[str | bytes], reply: Reply, asked: Asked) -> AsyncIterator[str | bytes]:
        asked.began.set()
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(reply.seconds)
            kept = lines if reply.ends == "well" else lines[: max(1, len(lines) // 2)]
            kept = ("data: {hal\n\n",) if reply.ends == "garbled" else kept
            for line in kept:
                yield line
            if reply.ends == "corrupt":
                yield 'data: {"choices": [{"delta": {"content": "hal\n\n'
            if reply.ends == "stalled":
                await asyncio.sleep(NEVER)
            while reply.ends == "endless":
                yield kept[-1]
                await asyncio.sleep(0)
            asked.whole = reply.ends == "well"
        finally:
            self._at_once -= 1
            asked.left.set()


def _failed(reply: Reply, asked: Asked) -> Response:
    asked.left.set()
    body: dict[str, Any] = {
        "error": {"message": reply.error, "type": reply.code or "error", "code": reply.code or None}
    }
    if asked.path == "/api/chat":
        body = {"error": reply.error}
    return JSONResponse(body, reply.status, dict(reply.headers))


def _openai(reply: Reply) -> list[str]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in _pieces(reply.text)] if reply.call is None else []
    if reply.call is not None:
        name, arguments = reply.call
        function = {"name": name, "arguments": arguments}
        deltas.append({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]})
    finish = "tool_calls" if reply.call and reply.finish == "stop" else reply.finish
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fake"}
    chunks = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    tokens_in, tokens_out = reply.tokens
    usage: dict[str, Any] = {
        "prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out,
        "prompt_tokens_details": {"cached_tokens": reply.cached[0]},
        "completion_tokens_details": {"reasoning_tokens": reply.reasoning},
    }  # fmt: skip
    chunks.append({**base, "choices": [], "usage": usage})
    return [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"]


def _anthropic(reply: Reply) -> list[str]:
    (tokens_in, tokens_out), (read, written) = reply.tokens, reply.cached
    counted = {
        "input_tokens": tokens_in - read - written, "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
    }  # fmt: skip
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "fake", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": {**counted, "output_tokens": 1},
    }  # fmt: skip
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
            for piece in _pieces(reply.text)
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {**counted, "output_tokens": tokens_out},
        },
        {"type": "message_stop"},
    ]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]


def _ollama(reply: Reply) -> list[str]:
    base = {"model": "fake", "created_at": "2026-01-01T00:00:00Z"}
    lines: list[dict[str, Any]] = [
        {**base, "message": {"role": "assistant", "content": piece}, "done": False} for piece in _pieces(reply.text)
    ]
    last = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    lines.append({**base, **last, "prompt_eval_count": reply.tokens[0], "eval_count": reply.tokens[1]})
    return [json.dumps(line) + "\n" for line in lines]


def quarter(asked: Asked) -> int:
    """Return the tokens of a question by a rule of thumb: a quarter of its characters."""
    return len(json.dumps([asked.body["messages"], asked.body.get("tools")], ensure_ascii=False)) // 4


def stock_ollama(most: int | None = None) -> Callable[[Asked], int]:
    """Return how an Ollama reads that holds what it is told, else 4,096, and cuts the rest away in silence."""

    def read(asked: Asked) -> int:
        told = (asked.body.get("options") or {}).get("num_ctx") or 4096
        return min(quarter(asked), told, most or told)

    return read


def _pieces(text: str) -> list[str]:
    return [text[at : at + 12] for at in range(0, len(text), 12)]


_PROTOCOLS = {"/v1/chat/completions": _openai, "/v1/messages": _anthropic, "/api/chat": _ollama}


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """Run a server for the length of a block, on a port of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = ModelServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
    routes = [Route(path, server.handle, methods=["POST"]) for path in _PROTOCOLS]
    routes.append(Route("/{path:path}", server.about, methods=["GET", "POST"]))
    config = uvicorn.Config(
        Starlette(routes=routes), log_level="critical", log_config=None, timeout_graceful_shutdown=1
    )  # fmt: skip
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        web.should_exit = True
        thread.join(EVENT_SECONDS)
        listener.close()
