"""Structured output: asks for a schema in the way a model understands, and validates the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from ba2_trade_platform.core.base.sanitizing import problem_words
from ba2_trade_platform.core.contracts.dialects import Dialect
from ba2_trade_platform.llm.answers.json_reading import objects_in, unwrapped
from ba2_trade_platform.llm.answers.thinking import part
from ba2_trade_platform.vocabulary import ProviderKind, StructuredMethod, ToolChoice

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage

Answer = TypeVar("Answer", bound=BaseModel)
SHOWN = 2000  # characters of an unusable answer
SHOWN_VALUE = 80


class UnreadableError(Exception):
    """The answer does not have the shape that was asked for; the text says why, to the model."""


def options_of(dialect: Dialect, model: BaseChatModel, schema: type[BaseModel]) -> dict[str, Any]:
    """Return what a call is given so that the answer comes as `schema`."""
    method = dialect.method
    if method is StructuredMethod.PROMPT:
        return {}
    if method is StructuredMethod.FUNCTION_CALLING:
        return bound_tools(dialect, model, [schema], {"tool_choice": schema.__name__})
    shape = schema.model_json_schema()
    if dialect.kind is ProviderKind.OLLAMA:
        return {"format": shape if method is StructuredMethod.JSON_SCHEMA else "json"}
    if method is StructuredMethod.JSON_MODE:
        wanted: dict[str, Any] = {"type": "json_object"}
    else:
        wanted = {"type": "json_schema", "json_schema": {"name": schema.__name__, "schema": shape}}
    # In the body and not as an option of LangChain's, which would leave the plain stream that shows where it ended.
    return {"extra_body": {"response_format": wanted}}


def bound_tools(
    dialect: Dialect, model: BaseChatModel, tools: Sequence[Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the options of a call with these tools, in the provider's own format; none where it takes no tools."""
    if not dialect.tools:
        return {}
    given = dict(options)
    if given.get("tool_choice") not in (None, "auto", "none"):
        if dialect.tool_choice is ToolChoice.AUTO:
            del given["tool_choice"]
        elif dialect.tool_choice is ToolChoice.REQUIRED:
            given["tool_choice"] = "any"
    bound = model.bind_tools(list(tools), **given)
    return dict(getattr(bound, "kwargs", {}))


def instructed(messages: Sequence[BaseMessage], dialect: Dialect, schema: type[BaseModel]) -> Sequence[BaseMessage]:
    """Return the messages; what no field of the request tells the model of its answer's shape, words do."""
    from langchain_core.messages import HumanMessage  # noqa: PLC0415 - LangChain

    method = dialect.method
    if method in (StructuredMethod.JSON_MODE, StructuredMethod.PROMPT):
        shape = json.dumps(schema.model_json_schema())
        words = f"Answer with one JSON object of this JSON schema and nothing else:\n{shape}"
    elif method is StructuredMethod.FUNCTION_CALLING and not _is_forced(dialect):
        words = f"Answer by calling the tool {schema.__name__} once, and write nothing else."
    else:
        return messages
    return [*messages, HumanMessage(words)]


def _is_forced(dialect: Dialect) -> bool:
    return dialect.tool_choice is not ToolChoice.AUTO and dialect.kind is not ProviderKind.OLLAMA


def without_tools(messages: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
    """Return the messages with calls of tools and their results in words, for a model that takes none."""
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage  # noqa: PLC0415 - LangChain

    told: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, AIMessage) and message.tool_calls:
            calls = (f"I looked up {call['name']} {json.dumps(call['args'])}" for call in message.tool_calls)
            told.append(AIMessage("\n".join([*filter(None, [message.text]), *calls])))
        elif isinstance(message, ToolMessage):
            told.append(HumanMessage(f"{message.name or 'It'} gave:\n{message.text}"))
        else:
            told.append(message)
    return told


def corrected(messages: Sequence[BaseMessage], answer: str, problem: str) -> Sequence[BaseMessage]:
    """Return the messages with the model's unusable answer and what is wrong with it."""
    from langchain_core.messages import HumanMessage  # noqa: PLC0415 - LangChain

    said = f"\nYour answer was:\n{_short(answer, SHOWN)}" if answer else ""
    return [*messages, HumanMessage(f"Your answer could not be used: {problem}{said}\nAnswer again, in full.")]


def read(message: AIMessage, schema: type[Answer]) -> Answer:
    """Return the answer as `schema`, or raise UnreadableError. Nothing that was merely thought is an answer."""
    name = schema.__name__
    called = [call["args"] for call in message.tool_calls if _is_named(call["name"], name)]
    # Of arguments that are no JSON something may yet be read, as of a text.
    broken = [call["args"] or "" for call in message.invalid_tool_calls if _is_named(call["name"], name)]
    texts = [found for text in (*broken, message.text) for found in objects_in(part(text).answer)]
    for found in (called, texts):
        answers, problem = _readable(found, schema)
        if len(answers) > 1:
            raise UnreadableError(f"you gave {len(answers)} answers that differ; give one")
        if answers:
            return answers[0]
        if problem:
            raise UnreadableError(problem)
    if message.invalid_tool_calls:
        raise UnreadableError("the arguments of your tool call are no valid JSON")
    if message.tool_calls:
        raise UnreadableError(f"you called {message.tool_calls[0]['name']} instead of {name}")
    raise UnreadableError(f"it holds no {name}")


def shown(message: AIMessage) -> str:
    """Return an answer as it can be shown to the model again."""
    calls = [*message.tool_calls, *message.invalid_tool_calls]
    return "\n".join(text for text in (message.text, *(f"{call['name']}: {call['args']}" for call in calls)) if text)


def _readable(found: Sequence[dict[str, Any]], schema: type[Answer]) -> tuple[list[Answer], str]:
    """Return the answers that differ, and what is wrong where there are none; the last that was said tells."""
    answers: list[Answer] = []
    problem = ""
    for one in found:
        answer, wrong = _validated(one, schema)
        problem = wrong or problem
        if answer is not None and answer not in answers:
            answers.append(answer)
    return answers, problem


def _validated(found: dict[str, Any], schema: type[Answer]) -> tuple[Answer | None, str]:
    """Return an object as `schema`, by itself or out of what it is wrapped in, or what is wrong with it."""
    wrong: list[ValidationError] = []
    for form in unwrapped(found, schema.__name__):
        try:
            return schema.model_validate(form), ""
        except ValidationError as error:
            wrong.append(error)
    known = [error for error in wrong if any(one["type"] != "missing" for one in error.errors())]
    return None, "; ".join(_problems((known or wrong)[-1]))


def _problems(error: ValidationError) -> Iterator[str]:
    for one in error.errors()[:10]:
        place = ".".join(map(str, one["loc"])) or "answer"
        said = one["input"]
        plain = isinstance(said, str | int | float) and one["type"] != "missing"
        yield f"{place}: {problem_words(one['msg'])}" + (
            f" (you said {_short(str(said), SHOWN_VALUE)})" if plain else ""
        )


def _is_named(called: str | None, name: str) -> bool:
    return (called or "").lower() == name.lower()


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} ..."
