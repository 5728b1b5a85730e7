"""Answer pieces: one chunk of a stream, in the same words for the protocol of every vendor."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ba2_trade_platform.llm.answers.endings import spelled
from ba2_trade_platform.llm.answers.tool_calls import CallDelta
from ba2_trade_platform.llm.answers.wire import ResponseError

# Where servers of OpenAI's protocol put what a model thought before it answered.
THOUGHTS = ("reasoning_content", "reasoning", "reasoning_details")
# What a server hangs on a call of a tool and wants back with it, such as Gemini's signature of a thought.
EXTRA = "extra_content"
_SAYING = ("text", "thinking", "reasoning", "summary", "content")


@dataclass(frozen=True)
class Piece:
    """One chunk. `fields`: what its server wants back as it is; `block`: a thought of Anthropic's, with its place."""

    text: str = ""
    thinking: str = ""
    calls: tuple[CallDelta, ...] = ()
    usage: tuple[Mapping[str, Any], ...] = ()
    ending: str | None = None
    model: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    block: tuple[int, Mapping[str, Any]] | None = None


def openai_piece(said: Mapping[str, Any]) -> Piece:
    """Return what one chunk, or one whole body, of /chat/completions says. Raises ResponseError for an error in it."""
    choice = _first_choice(said)
    _look_for_error(said, choice)
    delta = _object(choice.get("delta")) or _object(choice.get("message"))
    text, part_thoughts = parts_of(delta.get("content"))
    fields = {name: delta[name] for name in THOUGHTS if delta.get(name)}
    return Piece(
        text=text or _text(choice.get("text")),
        thinking=_thought(fields) + part_thoughts,
        calls=tuple(_openai_calls(delta)),
        # Groq and Kimi say it in places of their own.
        usage=_usages(said.get("usage"), _object(said.get("x_groq")).get("usage"), choice.get("usage")),
        ending="refusal" if _text(delta.get("refusal")) else spelled(choice.get("finish_reason")),
        model=_text(said.get("model")) or None,
        fields=fields,
    )


def anthropic_pieces(said: Mapping[str, Any]) -> list[Piece]:
    """Return what one event, or one whole body, of /v1/messages says. Raises ResponseError for an error in it."""
    if said.get("type") == "error" or said.get("error"):
        raise ResponseError(said.get("error") or said)
    message, delta = _object(said.get("message")) or said, _object(said.get("delta"))
    told = Piece(
        usage=_usages(said.get("usage"), message.get("usage")),
        ending=spelled(delta.get("stop_reason") or message.get("stop_reason")),
        model=_text(message.get("model")) or None,
    )
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    index = said.get("index")
    block = _object(said.get("content_block")) or delta
    return [
        told,
        _anthropic_block(index if isinstance(index, int) else 0, block),
        *(_anthropic_block(place, _object(each)) for place, each in enumerate(blocks)),
    ]


def ollama_piece(said: Mapping[str, Any]) -> Piece:
    """Return what one line of /api/chat says. Raises ResponseError for an error in it."""
    if said.get("error"):
        raise ResponseError(said["error"])
    message, ended = _object(said.get("message")), said.get("done") is True
    text, part_thoughts = parts_of(message.get("content"))
    thinking = _text(message.get("thinking"))
    return Piece(
        text=text,
        thinking=thinking + part_thoughts,
        calls=tuple(_openai_calls(message)),
        usage=(said,) if ended else (),
        ending=spelled(said.get("done_reason")) if ended else None,
        model=_text(said.get("model")) or None,
        fields={"reasoning_content": thinking} if thinking else {},
    )


def _anthropic_block(index: int, block: Mapping[str, Any]) -> Piece:
    kind = _text(block.get("type"))
    if kind in {"tool_use", "input_json_delta"}:
        given = block.get("input")
        arguments = block.get("partial_json") or (given if given not in ({}, None) else "")
        delta = CallDelta(index, _text(block.get("id")), _text(block.get("name")), _json(arguments))
        return Piece(calls=(delta,))
    if kind == "redacted_thinking":
        return Piece(block=(index, {"type": kind, "data": _text(block.get("data"))}))
    if kind in {"thinking", "thinking_delta", "signature_delta"}:
        thinking, signature = _text(block.get("thinking")), _text(block.get("signature"))
        told = {"type": "thinking", "thinking": thinking, "signature": signature}
        return Piece(thinking=thinking, block=(index, {name: value for name, value in told.items() if value}))
    return Piece(text=_text(block.get("text")))


def _first_choice(said: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = said.get("choices")
    found = [_object(choice) for choice in choices] if isinstance(choices, list) else []
    return next((choice for choice in found if choice and str(choice.get("index")) in {"0", "None"}), {})


def _look_for_error(said: Mapping[str, Any], choice: Mapping[str, Any]) -> None:
    """Raise what a server says of a failure: beside its choices, in one, in place of them, or as MiniMax does."""
    for error in (said.get("error"), choice.get("error")):
        if error:
            raise ResponseError(error)
    base = _object(said.get("base_resp"))
    if base.get("status_code"):
        raise ResponseError({"base_resp": base})
    failed = said.get("object") == "error" or said.get("type") == "error" or "code" in said
    if failed and not choice and said.get("message"):
        raise ResponseError(dict(said))


def _openai_calls(delta: Mapping[str, Any]) -> Iterable[CallDelta]:
    calls = delta.get("tool_calls")
    for call in map(_object, calls if isinstance(calls, list) else [calls]):
        if call:
            function = _object(call.get("function")) or call
            index = str(call.get("index", function.get("index")))
            yield CallDelta(
                int(index) if index.isdecimal() else None,
                _text(call.get("id")),
                _text(function.get("name")),
                _json(function.get("arguments")),
                call.get(EXTRA),
            )
    legacy = _object(delta.get("function_call"))
    if legacy:
        yield CallDelta(0, "", _text(legacy.get("name")), _json(legacy.get("arguments")))


def parts_of(content: object) -> tuple[str, str]:
    """Return text and thinking of a message's content, which may come in parts."""
    texts: list[str] = []
    thoughts: list[str] = []
    for part in content if isinstance(content, list) else [content]:
        kind = _text(_object(part).get("type"))
        thinks = "think" in kind or "reason" in kind or _object(part).get("thought") is True
        (thoughts if thinks else texts).append(_spoken(part))
    return "".join(texts), "".join(thoughts)


def _spoken(said: object) -> str:
    """Return the words in a part of content, which may have parts of its own."""
    if isinstance(said, list):
        return "".join(map(_spoken, said))
    found = _object(said)
    return _text(said) or next((_spoken(found[name]) for name in _SAYING if found.get(name)), "")


def _thought(fields: Mapping[str, Any]) -> str:
    """Return the words of the fields of thinking: the same stands in each of those that a server sends."""
    return next((words for name in THOUGHTS if (words := _spoken(fields.get(name)))), "")


def _usages(*said: object) -> tuple[Mapping[str, Any], ...]:
    return tuple(found for one in said if (found := _object(one)))


def _json(given: object) -> str:
    return given if isinstance(given, str) else "" if given is None else json.dumps(given)


def _text(given: object) -> str:
    return given if isinstance(given, str) else ""


def _object(given: object) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}
