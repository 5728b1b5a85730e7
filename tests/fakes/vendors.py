"""Vendors: the habits of known model servers, for the fake one: refusals, thinking, and counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.fakes.model_server import Asked, Reply

THOUGHT = "The user wants a plan. Perhaps sell everything?"
SIGNATURE = "c2lnbmVk"
Refusal = tuple[int, str]


@dataclass(frozen=True)
class Vendor:
    """One vendor's server.

    `refuses` are fields of a body, or fields with a value (`tool_choice=required`), each with status and words.
    `needs` are names of headers that every request must have. `thinks` is the field in which it thinks, and `back`: it
    must be sent back with a tool's result. `usage`: when asked, unasked, or in each piece; `beside`: thinking is
    counted beside.
    """

    path: str = "/v1/chat/completions"
    refuses: Mapping[str, Refusal] = field(default_factory=dict)
    needs: Sequence[str] = ()
    thinks: str | None = None
    back: bool = False
    usage: str = "asked"
    beside: bool = False
    empty_account: Refusal = (429, "You exceeded your current quota, please check your plan and billing details.")

    def refusal(self, asked: Asked) -> Reply | None:
        """Return how this request is refused, None where it is served."""
        for name in self.needs:
            if not asked.headers.get(name):
                return Reply(status=401, error=f"the header {name} is missing")
        for wanted, (status, words) in self.refuses.items():
            name, _, value = wanted.partition("=")
            if asked.body.get(name) not in (None, []) and (not value or value == _kind_of(asked.body[name])):
                return Reply(status=status, error=words)
        if self.back and self.thinks and any(_forgot(message, self.thinks) for message in asked.body["messages"]):
            return Reply(status=400, error=f"The `{self.thinks}` in the thinking mode must be passed back to the API.")
        return None

    def lines(self, reply: Reply, asked: Asked) -> list[str]:
        """Return the answer, line by line, in this vendor's protocol."""
        return _PROTOCOLS[self.path](self, reply, asked)

    @property
    def counted(self) -> tuple[int, int]:
        """Tokens in and out of every answer as its bill has them."""
        return 11, 12 if self.thinks else 7


def _kind_of(value: object) -> str:
    if isinstance(value, Mapping):
        return str(value.get("type", "object"))
    return str(value)


def _forgot(message: Mapping[str, Any], thinks: str) -> bool:
    return message["role"] == "assistant" and bool(message.get("tool_calls")) and not message.get(thinks)


def _openai(vendor: Vendor, reply: Reply, asked: Asked) -> list[str]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    if vendor.thinks == "tags":
        reply = replace(reply, text=f"<think>\n{THOUGHT}\n</think>\n\n{reply.text}")
    elif vendor.thinks:
        deltas.append({vendor.thinks: THOUGHT[:20]})
        deltas.append({vendor.thinks: THOUGHT[20:]})
    if reply.call is None:
        deltas += [{"content": piece} for piece in _pieces(reply.text)]
    else:
        function = {"name": reply.call[0], "arguments": reply.call[1]}
        deltas.append({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]})
    finish = "tool_calls" if reply.call and reply.finish == "stop" else reply.finish
    chunks = [_chunk(delta) for delta in deltas] + [_chunk({}, finish)]
    usage = _usage(vendor)
    if vendor.usage == "each":
        chunks = [{**chunk, "usage": _usage(vendor, part=at / len(chunks))} for at, chunk in enumerate(chunks, 1)]
    elif vendor.usage == "unasked":
        chunks[-1]["usage"] = usage
    elif asked.body.get("stream_options", {}).get("include_usage"):
        chunks.append({**_chunk({}), "choices": [], "usage": usage})
    return [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"]


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "fake", "choices": choices}


def _usage(vendor: Vendor, part: float = 1) -> dict[str, Any]:
    tokens_in, whole = vendor.counted
    thought = 5 if vendor.thinks else 0
    out = round(part * whole)
    said = out - round(part * thought) if vendor.beside else out
    total = tokens_in + out
    return {
        "prompt_tokens": tokens_in, "completion_tokens": said, "total_tokens": total,
        "completion_tokens_details": {"reasoning_tokens": round(part * thought)},
    }  # fmt: skip


def _anthropic(vendor: Vendor, reply: Reply, asked: Asked) -> list[str]:
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "fake", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": {"input_tokens": vendor.counted[0], "output_tokens": 1},
    }  # fmt: skip
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if vendor.thinks:
        said = [{"type": "thinking_delta", "thinking": THOUGHT}, {"type": "signature_delta", "signature": SIGNATURE}]
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, said))
    if reply.call:
        block = {"type": "tool_use", "id": "toolu_1", "name": reply.call[0], "input": {}}
        blocks.append((block, [{"type": "input_json_delta", "partial_json": reply.call[1]}]))
    else:
        pieces = [{"type": "text_delta", "text": piece} for piece in _pieces(reply.text)]
        blocks.append(({"type": "text", "text": ""}, pieces))
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    stop = {"stop": "tool_use" if reply.call else "end_turn"}.get(reply.finish, reply.finish)
    usage = {"input_tokens": vendor.counted[0], "output_tokens": vendor.counted[1]}
    events.append({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": usage})
    events.append({"type": "message_stop"})
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]


def _ollama(vendor: Vendor, reply: Reply, asked: Asked) -> list[str]:
    messages: list[dict[str, Any]] = [{"role": "assistant", "content": piece} for piece in _pieces(reply.text)]
    if reply.call:
        function = {"name": reply.call[0], "arguments": json.loads(reply.call[1])}
        messages = [{"role": "assistant", "content": "", "tool_calls": [{"function": function}]}]
    if vendor.thinks:
        messages.insert(0, {"role": "assistant", "content": "", "thinking": THOUGHT})
    base = {"model": "fake", "created_at": "2026-01-01T00:00:00Z"}
    lines = [{**base, "message": message, "done": False} for message in messages]
    tokens_in, tokens_out = vendor.counted
    counts = {"prompt_eval_count": tokens_in, "eval_count": tokens_out}
    last = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": reply.finish, **counts}
    return [json.dumps(line) + "\n" for line in [*lines, {**base, **last}]]


def _pieces(text: str) -> list[str]:
    return [text[at : at + 12] for at in range(0, len(text), 12)]


_Protocol = Callable[[Vendor, Reply, Asked], list[str]]
_PROTOCOLS: Mapping[str, _Protocol] = {
    "/v1/chat/completions": _openai, "/v1/messages": _anthropic, "/api/chat": _ollama,
}  # fmt: skip


def _unknown(
    *names: str, status: int = 400, words: str = "Unrecognized request argument supplied: {}"
) -> dict[str, Any]:
    return {name: (status, words.format(name)) for name in names}


_OLD = "max_completion_tokens"
_NO_FORCE = {
    "tool_choice=function": (400, "Thinking mode does not support this tool_choice"),
    "tool_choice=required": (400, "Thinking mode does not support this tool_choice"),
}
_NO_SCHEMA = {"response_format=json_schema": (400, "This response_format type is unavailable now")}
_ANY_THOUGHTS = ("reasoning_content", "reasoning", "reasoning_details")
VENDORS: dict[str, Vendor] = {
    "openai": Vendor(refuses=_unknown("max_tokens", words=(
        "Unsupported parameter: '{}' is not supported with this model. Use 'max_completion_tokens' instead."
    ))),
    "azure": Vendor(needs=("api-key",), refuses=_unknown("max_tokens")),
    "anthropic": Vendor("/v1/messages", empty_account=(
        400, "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."
    )),
    "gemini": Vendor(thinks="reasoning_content", usage="each", beside=True, empty_account=(
        429, "You exceeded your current quota, please check your plan and billing details."
    )),
    "mistral": Vendor(usage="unasked", refuses={
        **_unknown(_OLD, "stream_options", status=422, words="Extra inputs are not permitted: {}"),
    }, empty_account=(402, "You have no credit left")),
    "deepseek": Vendor(
        thinks="reasoning_content", back=True, refuses=_NO_FORCE | _NO_SCHEMA,
        empty_account=(402, "Insufficient Balance"),
    ),
    "kimi": Vendor(
        thinks="reasoning_content", back=True, refuses=_NO_FORCE, empty_account=(
            429, "Your account is suspended due to insufficient balance, please recharge your account"
        ),
    ),
    "qwen": Vendor(thinks="reasoning_content", usage="each", refuses=_NO_FORCE | _unknown(_OLD), empty_account=(
        400, "Access denied, please make sure your account is in good standing. Arrearage"
    )),
    "glm": Vendor(thinks="reasoning_content", usage="unasked", refuses={
        "tool_choice=function": (400, "tool_choice 目前仅支持 auto"),
        "tool_choice=required": (400, "tool_choice 目前仅支持 auto"),
        **_unknown(_OLD),
    }, empty_account=(429, "余额不足或无可用资源包,请充值。")),
    "grok": Vendor(thinks="reasoning_content", usage="each", beside=True, empty_account=(
        403, "Your team has either used all available credits or reached its monthly spending limit."
    )),
    "groq": Vendor(thinks="reasoning", refuses=_unknown("max_tokens", words="property '{}' is unsupported")),
    "together": Vendor(thinks="tags", refuses=_unknown(_OLD), empty_account=(402, "Credit limit exceeded")),
    "fireworks": Vendor(refuses=_unknown(_OLD, words="Extra inputs are not permitted, field: '{}'"), empty_account=(
        412, "Account is suspended, possibly due to reaching the monthly spending limit"
    )),
    "openrouter": Vendor(thinks="reasoning", back=True, empty_account=(402, "Insufficient credits")),
    "nvidia": Vendor(refuses=_unknown(_OLD, status=422), empty_account=(402, "Cloud credits expired")),
    "vllm": Vendor(thinks="reasoning", refuses=_unknown(_OLD)),
    "llamacpp": Vendor(thinks="reasoning_content", refuses={
        "tool_choice=function": (500, "tool_choice: type must be string, but is object"),
    }),
    "lmstudio": Vendor(thinks="tags", refuses={
        "tool_choice=function": (
            400, "Invalid tool_choice type: 'object'. Supported string values: none, auto, required"
        ),
        "response_format=json_object": (400, "'response_format.type' must be 'json_schema' or 'text'"),
    }),
    "compatible": Vendor(),
    "ollama": Vendor("/api/chat", thinks="thinking"),
}  # fmt: skip
