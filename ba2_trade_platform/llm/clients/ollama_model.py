"""Ollama model: LangChain's, with its stream read as it comes, and a window for each question."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Self

from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_ollama import ChatOllama
from ollama import AsyncClient, ResponseError
from pydantic import model_validator

from ba2_trade_platform.llm.answers.chunks import chunk_of
from ba2_trade_platform.llm.answers.pieces import Piece, ollama_piece
from ba2_trade_platform.llm.answers.wire import objects
from ba2_trade_platform.llm.errors.said import decoded
from ba2_trade_platform.llm.windows.known import WINDOW_OPTION

VENDOR = "ollama"


# Since Ollama 0.12.6; an older one does not know these and cuts as it always did.
WHOLE = {"truncate": False, "shift": False}


class OllamaModel(ChatOllama):
    """Reads what it is sent by itself: the client refuses what is not typed as it expects.

    It takes `num_ctx` as an option of each call: a model loaded for the longest question would fill the memory.
    """

    def _chat_params(self, messages: list[BaseMessage], stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        window = kwargs.pop(WINDOW_OPTION, None)
        params = super()._chat_params(messages, stop, **kwargs)
        if window is not None:
            params["options"] = {**params["options"], WINDOW_OPTION: window}
        return params

    @model_validator(mode="after")
    def _read_by_itself(self) -> Self:
        self._async_client = _PlainClient(host=self.base_url, **(self.client_kwargs or {}))
        return self

    async def _aiterate_over_stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for said in self._acreate_chat_stream(messages, stop, **kwargs):
            yield chunk_of(ollama_piece(said), VENDOR)  # type: ignore[arg-type]  # what _PlainClient gives
        yield chunk_of(Piece(), VENDOR)  # LangChain takes a stream without a chunk for a fault of ours


class _PlainClient(AsyncClient):
    """Gives what the server says as it is, and asks it to say when a prompt is too long."""

    async def _request(self, cls: type[Any], *args: Any, stream: bool = False, **kwargs: Any) -> Any:
        kwargs["json"] = {**kwargs["json"], **WHOLE}
        if not stream:
            return await super()._request(cls, *args, **kwargs)
        return self._answer(*args, **kwargs)

    async def _answer(self, *args: Any, **kwargs: Any) -> AsyncIterator[dict[str, Any]]:
        async with self._client.stream(*args, **kwargs) as response:
            if response.is_error or response.is_redirect:
                raise _refusal(decoded(await response.aread()), response.status_code)
            async for said in objects(response.aiter_bytes()):
                yield said


def _refusal(text: str, status: int) -> ResponseError:
    """Return the library's error, which itself fails at a body that is JSON and no object, or without end."""
    try:
        return ResponseError(text, status)
    except (AttributeError, RecursionError):
        error = ResponseError("", status)
        error.error = text
        return error
