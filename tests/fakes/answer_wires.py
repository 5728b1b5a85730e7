"""Answer wires: one answer in the bytes of each vendor's protocol, its words cut wherever a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ba2_trade_platform.llm.answers.heard import Heard
from ba2_trade_platform.llm.answers.pieces import Piece, anthropic_pieces, ollama_piece, openai_piece
from ba2_trade_platform.llm.answers.wire import events, objects

Cut = Callable[[str], list[str]]


@dataclass(frozen=True)
class Said:
    """What a model says: words, thinking, calls with their arguments as text, tokens in and out."""

    text: str
    thinking: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    tokens: tuple[int, int] = (100, 20)


def whole(text: str) -> list[str]:
    """Cut nothing."""
    return [text]


def sse(*payloads: dict[str, Any], done: bool = True) -> bytes:
    """Return server-sent events of OpenAI's kind."""
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in payloads) + b"data: [DONE]\n\n" * done


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """Return one chunk of OpenAI's protocol."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "fake", "choices": [choice], **more}


def usage_of(tokens_in: object, tokens_out: object, **more: Any) -> dict[str, Any]:
    """Return a usage in OpenAI's words."""
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, **more}


def as_openai(said: Said, cut: Cut = whole) -> bytes:
    """Return an answer of /chat/completions, its usage said so far in each chunk."""
    deltas: list[dict[str, Any]] = [{"reasoning_content": part} for part in cut(said.thinking) if part]
    deltas += [{"content": part} for part in cut(said.text) if part]
    for index, (name, arguments) in enumerate(said.calls):
        for part in cut(arguments):
            call = {"index": index, "id": f"id{index}", "function": {"name": name, "arguments": part}}
            deltas.append({"tool_calls": [call]})
    tokens_in, tokens_out = said.tokens
    chunks = [chunk(delta, usage=usage_of(tokens_in, min(at, tokens_out))) for at, delta in enumerate(deltas)]
    finish = "tool_calls" if said.calls else "stop"
    return sse(*chunks, chunk(finish=finish), {"choices": [], "usage": usage_of(tokens_in, tokens_out)})


def as_anthropic(said: Said, cut: Cut = whole) -> bytes:
    """Return an answer of /v1/messages."""
    tokens_in, tokens_out = said.tokens
    usage = {"input_tokens": tokens_in, "output_tokens": 1}
    message = {"type": "message", "role": "assistant", "model": "fake", "content": [], "usage": usage}
    told: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if said.thinking:
        deltas = [{"type": "thinking_delta", "thinking": part} for part in cut(said.thinking)]
        deltas.append({"type": "signature_delta", "signature": "sig"})
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, deltas))
    if said.text:
        blocks.append(({"type": "text", "text": ""}, [{"type": "text_delta", "text": part} for part in cut(said.text)]))
    for at, (name, arguments) in enumerate(said.calls):
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in cut(arguments)]
        blocks.append(({"type": "tool_use", "id": f"id{at}", "name": name, "input": {}}, deltas))
    for index, (block, deltas) in enumerate(blocks):
        told.append({"type": "content_block_start", "index": index, "content_block": block})
        told += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        told.append({"type": "content_block_stop", "index": index})
    stop = {"stop_reason": "tool_use" if said.calls else "end_turn", "stop_sequence": None}
    told += [
        {"type": "ping"},
        {"type": "message_delta", "delta": stop, "usage": {"output_tokens": tokens_out}},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in told).encode()


def as_ollama(said: Said, cut: Cut = whole) -> bytes:
    """Return an answer of /api/chat; its calls come whole, for it knows no other way."""
    told: list[dict[str, Any]] = [{"thinking": part, "content": ""} for part in cut(said.thinking) if part]
    told += [{"content": part} for part in cut(said.text) if part]
    told += [
        {"content": "", "tool_calls": [{"function": {"name": name, "arguments": json.loads(arguments)}}]}
        for name, arguments in said.calls
    ]
    lines: list[dict[str, Any]] = [{"message": {"role": "assistant", **one}, "done": False} for one in told]
    counts = {"prompt_eval_count": said.tokens[0], "eval_count": said.tokens[1]}
    lines.append({"message": {"content": ""}, "done": True, "done_reason": "stop", **counts})
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


PROTOCOLS: dict[str, Callable[[Said, Cut], bytes]] = {
    "openai": as_openai,
    "anthropic": as_anthropic,
    "ollama": as_ollama,
}


def hear(protocol: str, pieces: Iterable[bytes]) -> Heard:
    """Return what is heard of these bytes, in these pieces, with the console's own reading."""

    async def sent() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def listen() -> Heard:
        heard = Heard()
        read = objects if protocol == "ollama" else events
        async for said in read(sent()):
            for piece in _pieces(protocol, said):
                heard.add(piece, {})
        return heard

    return asyncio.run(listen())


def _pieces(protocol: str, said: dict[str, Any]) -> Sequence[Piece]:
    if protocol == "anthropic":
        return anthropic_pieces(said)
    return [ollama_piece(said) if protocol == "ollama" else openai_piece(said)]
