"""Compatible chat: LangChain's OpenAI client for servers that add to that protocol, or know less of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI

from ba2_trade_platform.vocabulary import TokenField

# Where the servers put what a model thought before it answered; LangChain drops all three.
THOUGHTS = ("reasoning_content", "reasoning", "reasoning_details")
# What a server hangs on a call of a tool and wants back with it, such as Gemini's signature of a thought.
EXTRA = "extra_content"


class CompatibleChat(ChatOpenAI):
    """Keeps what the server adds to its message, sends it back where that is wanted, and limits answers in its words.

    `token_field` is the field that limits an answer; `reasoning_back`: the thoughts before a tool call go back with it.
    """

    token_field: TokenField = TokenField.MAX_TOKENS
    reasoning_back: bool = False

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        made = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        choices = chunk.get("choices") or ()
        delta = choices[0].get("delta") if choices else None
        if made is not None and isinstance(delta, dict):
            kept = made.message.additional_kwargs
            kept.update({name: delta[name] for name in THOUGHTS if delta.get(name)})
            calls = delta.get("tool_calls") or ()
            extras = {str(call.get("index", 0)): call[EXTRA] for call in calls if call.get(EXTRA)}
            if extras:
                kept[EXTRA] = extras
        return made

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        payload = super()._get_request_payload(input_, stop=stop, **kwargs)
        limit = payload.pop(TokenField.MAX_COMPLETION_TOKENS, None)
        if limit is not None:
            payload[self.token_field] = limit
        if self.reasoning_back:
            for message, sent in zip(self._convert_input(input_).to_messages(), payload["messages"], strict=True):
                if isinstance(message, AIMessage):
                    _give_back(message.additional_kwargs, sent)
        return payload


def _give_back(kept: Mapping[str, Any], sent: dict[str, Any]) -> None:
    if not sent.get("tool_calls"):
        return
    sent.update({name: kept[name] for name in THOUGHTS if name in kept})
    for place, extra in kept.get(EXTRA, {}).items():
        sent["tool_calls"][int(place)][EXTRA] = extra
