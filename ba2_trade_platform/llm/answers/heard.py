"""Heard answer: puts the pieces of a stream together as one message, its thinking apart from its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ba2_trade_platform.llm.answers.endings import Ending, meaning
from ba2_trade_platform.llm.answers.pieces import EXTRA, THOUGHTS, Piece
from ba2_trade_platform.llm.answers.thinking import THINKING, Parted, part
from ba2_trade_platform.llm.answers.tool_calls import ToolCalls
from ba2_trade_platform.llm.answers.usage import Counts, Usage

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

_ENDED = frozenset({Ending.GOOD, Ending.CALLED})
# What a server sends piece by piece within a part of its thinking; all else it repeats with each.
_GROWING = frozenset({"text", "thinking", "summary", "reasoning"})


class Heard:
    """What has come of an answer so far."""

    def __init__(self) -> None:
        self.began = False
        self.refused = False  # the provider turned the call away before it began to answer
        self.ending: str | None = None
        self.endless_thinking = False
        self._counts = Counts()
        self._calls = ToolCalls()
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._fields: dict[str, list[Any]] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._metadata: dict[str, Any] = {}

    def add(self, piece: Piece, metadata: Mapping[str, Any]) -> None:
        """Add one piece, and what its client says of it. Whatever is joined is joined once, at the end."""
        self.began = True
        self._metadata |= metadata
        if piece.model:
            self._metadata["model_name"] = piece.model
        self._texts.append(piece.text)
        self._thoughts.append(piece.thinking)
        self._calls.add(piece.calls)
        for usage in piece.usage:
            self._counts.add(usage)
        for name, value in piece.fields.items():
            self._fields.setdefault(name, []).append(value)
        if piece.block is not None:
            self._add_block(*piece.block)
        # A bad ending stays one, whatever is said behind it.
        if piece.ending is not None and (self.ending is None or meaning(self.ending) in _ENDED):
            self.ending = piece.ending

    def usage(self, *, beside: bool = False) -> Usage:
        """Return the tokens of the call; `beside`: this server counts thinking beside the answer."""
        return self._counts.usage(ended=self.ending is not None, beside=beside)

    def message(self, *, beside: bool = False) -> AIMessage | None:
        """Return the answer as one message, None where nothing came."""
        if not self.began:
            return None
        from langchain_core.messages import AIMessage, InvalidToolCall, ToolCall  # noqa: PLC0415 - LangChain

        parted = part("".join(self._texts))
        self.endless_thinking = parted.open
        calls = self._calls.calls()
        kept = self._kept(parted)
        extras = {str(place): call.extra for place, call in enumerate(calls) if call.extra is not None}
        if extras:
            kept[EXTRA] = extras
        return AIMessage(
            content=self._content(parted.answer),
            additional_kwargs=kept,
            response_metadata={**self._metadata, "finish_reason": self.ending},
            usage_metadata=_usage_metadata(self.usage(beside=beside)),
            tool_calls=[
                ToolCall(type="tool_call", id=call.id, name=call.name, args=call.arguments)
                for call in calls
                if call.arguments is not None
            ],
            invalid_tool_calls=[
                InvalidToolCall(
                    type="invalid_tool_call", id=call.id, name=call.name, args=call.said, error="no valid JSON"
                )
                for call in calls
                if call.arguments is None
            ],
        )

    def _kept(self, parted: Parted) -> dict[str, Any]:
        """Return what is kept beside the answer: its thinking to read, and the fields that their server wants back."""
        kept: dict[str, Any] = {}
        for name, values in self._fields.items():
            if all(isinstance(value, str) for value in values):
                kept[name] = "".join(values)
            elif name in THOUGHTS:
                kept[name] = _details(values)
        thinking = [words for words in ("".join(self._thoughts).strip(), parted.thinking) if words]
        if thinking:
            kept[THINKING] = "\n\n".join(thinking)
        return kept

    def _content(self, answer: str) -> str | list[str | dict[str, Any]]:
        """Return the words; behind the blocks of thinking where their server wants these back."""
        if not self._blocks:
            return answer
        thoughts = [
            {name: "".join(value) if isinstance(value, list) else value for name, value in block.items()}
            for _, block in sorted(self._blocks.items())
        ]
        return [*thoughts, {"type": "text", "text": answer}] if answer else [*thoughts]

    def _add_block(self, index: int, said: Mapping[str, Any]) -> None:
        block = self._blocks.setdefault(index, {"type": said["type"]})
        for name, value in said.items():
            if name != "type":
                block.setdefault(name, []).append(value)


def _details(values: list[Any]) -> list[Any]:
    """Return the parts of thinking, those with the same number as one."""
    parts: dict[object, dict[str, Any]] = {}
    loose: list[Any] = []
    for detail in (one for value in values for one in (value if isinstance(value, list) else [value])):
        if not isinstance(detail, Mapping) or detail.get("index") is None:
            loose.append(detail)
            continue
        whole = parts.setdefault((str(detail["index"]), detail.get("type")), {})
        for name, value in detail.items():
            grows = name in _GROWING and isinstance(value, str) and isinstance(whole.get(name), str)
            whole[name] = whole[name] + value if grows else value if value is not None else whole.get(name)
    return [*parts.values(), *loose]


def _usage_metadata(usage: Usage) -> Any:
    if usage.tokens_in is None or usage.tokens_out is None:
        return None
    said: dict[str, Any] = {
        "input_tokens": usage.tokens_in,
        "output_tokens": usage.tokens_out,
        "total_tokens": usage.tokens_in + usage.tokens_out,
    }
    if usage.tokens_cached is not None:
        said["input_token_details"] = {"cache_read": usage.tokens_cached}
    if usage.tokens_reasoning is not None:
        said["output_token_details"] = {"reasoning": usage.tokens_reasoning}
    return said
