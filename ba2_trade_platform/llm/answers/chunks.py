"""Piece chunk: carries a piece of an answer through LangChain, which joins and guesses things by itself."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field

from ba2_trade_platform.llm.answers.endings import spelled
from ba2_trade_platform.llm.answers.pieces import Piece, parts_of
from ba2_trade_platform.llm.answers.tool_calls import CallDelta

_REASONS = ("finish_reason", "stop_reason", "done_reason", "status")


class PieceChunk(AIMessageChunk):
    """A chunk that says all in its piece and nothing in LangChain's own fields."""

    piece: Piece = Field(default_factory=Piece, exclude=True)


def chunk_of(piece: Piece, vendor: str) -> ChatGenerationChunk:
    """Return a piece as a client's `_astream` yields it."""
    metadata = {"model_provider": vendor}
    return ChatGenerationChunk(message=PieceChunk(content="", piece=piece, response_metadata=metadata))


def piece_of(message: BaseMessage) -> Piece:
    """Return what a chunk says; one that LangChain's own client made, or a whole message, is read as it stands."""
    if isinstance(message, PieceChunk):
        return message.piece
    text, thinking = parts_of(message.content)
    metadata, usage = message.response_metadata, getattr(message, "usage_metadata", None)
    incomplete = (metadata.get("incomplete_details") or {}).get("reason")
    words = (spelled(word) for word in (incomplete, *(metadata.get(name) for name in _REASONS)))
    ending = next((word for word in words if word), None)
    return Piece(text, thinking, tuple(_calls(message)), (usage,) if usage else (), ending)


def _calls(message: BaseMessage) -> list[CallDelta]:
    pieces: list[Any] = list(getattr(message, "tool_call_chunks", ()))
    if pieces:
        return [CallDelta(one["index"], one["id"] or "", one["name"] or "", one["args"] or "") for one in pieces]
    if not isinstance(message, AIMessage):
        return []
    broken = [
        CallDelta(None, one["id"] or "", one["name"] or "", one["args"] or "") for one in message.invalid_tool_calls
    ]
    return [CallDelta.whole(one["id"], one["name"], one["args"]) for one in message.tool_calls] + broken
