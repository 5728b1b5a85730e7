"""Structured output: asks for a schema in the way a model understands, and validates the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from ba2_trade_platform.core.base.sanitizing import problem_words
from ba2_trade_platform.vocabulary import ProviderKind, StructuredMethod

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage

Answer = TypeVar("Answer", bound=BaseModel)
_FENCE = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)
SHOWN = 2000


class UnreadableError(Exception):
    """The answer does not have the shape that was asked for; the text says why, to the model."""


def options_of(
    kind: ProviderKind, method: StructuredMethod, model: BaseChatModel, schema: type[BaseModel]
) -> dict[str, Any]:
    """Return what a call is given so that the answer comes as `schema`."""
    if method is StructuredMethod.FUNCTION_CALLING:
        return bound_tools(model, [schema], {"tool_choice": schema.__name__})
    shape = schema.model_json_schema()
    if kind is ProviderKind.OLLAMA:
        return {"format": shape if method is StructuredMethod.JSON_SCHEMA else "json"}
    if method is StructuredMethod.JSON_MODE:
        wanted: dict[str, Any] = {"type": "json_object"}
    else:
        wanted = {"type": "json_schema", "json_schema": {"name": schema.__name__, "schema": shape}}
    # In the body and not as an option of LangChain's, which would leave the plain stream that shows where it ended.
    return {"extra_body": {"response_format": wanted}}


def bound_tools(model: BaseChatModel, tools: Sequence[Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a call with these tools, in the provider's own format."""
    bound = model.bind_tools(list(tools), **options)
    return dict(getattr(bound, "kwargs", {}))


def instructed(
    messages: Sequence[BaseMessage], method: StructuredMethod, schema: type[BaseModel]
) -> Sequence[BaseMessage]:
    """Return the messages; a model in JSON mode is told the schema in words, for nobody else tells it."""
    if method is not StructuredMethod.JSON_MODE:
        return messages
    from langchain_core.messages import HumanMessage  # noqa: PLC0415 - LangChain

    shape = json.dumps(schema.model_json_schema())
    return [*messages, HumanMessage(f"Answer with one JSON object of this JSON schema and nothing else:\n{shape}")]


def corrected(messages: Sequence[BaseMessage], answer: str, problem: str) -> Sequence[BaseMessage]:
    """Return the messages with the model's unusable answer and what is wrong with it."""
    from langchain_core.messages import HumanMessage  # noqa: PLC0415 - LangChain

    said = f"\nYour answer was:\n{answer[:SHOWN]}" if answer else ""
    return [*messages, HumanMessage(f"Your answer could not be used: {problem}{said}\nAnswer again, in full.")]


def read(message: AIMessage, schema: type[Answer]) -> Answer:
    """Return the answer as `schema`, or raise UnreadableError."""
    called = [call for call in message.tool_calls if call["name"] == schema.__name__]
    if any(call["args"] != called[0]["args"] for call in called):
        raise UnreadableError(f"you gave {len(called)} answers that differ; give one")
    if called:
        return _validated(called[0]["args"], schema)
    if message.invalid_tool_calls:
        raise UnreadableError("the arguments of your tool call are no valid JSON")
    found = _json_in(message.text)
    if found is not None:
        return _validated(found, schema)
    if message.tool_calls:
        raise UnreadableError(f"you called {message.tool_calls[0]['name']} instead of {schema.__name__}")
    raise UnreadableError(f"it holds no {schema.__name__}")


def shown(message: AIMessage) -> str:
    """Return an answer as it can be shown to the model again."""
    calls = [*message.tool_calls, *message.invalid_tool_calls]
    return "\n".join(part for part in (message.text, *(f"{call['name']}: {call['args']}" for call in calls)) if part)


def _validated(found: object, schema: type[Answer]) -> Answer:
    try:
        return schema.model_validate(found)
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, one['loc'])) or 'answer'}: {problem_words(one['msg'])}" for one in error.errors()[:10]
        )
        raise UnreadableError("; ".join(problems)) from None


def _json_in(text: str) -> object | None:
    fenced = _FENCE.search(text)
    for part in (text.strip(), fenced.group(1) if fenced else ""):
        if part.startswith("{"):
            with suppress(ValueError, RecursionError):  # the latter: brackets within brackets without end
                return json.loads(part)  # type: ignore[no-any-return]
    return None
