"""Dialects through the real clients: fields sent, a refusal asked otherwise, and the way remembered."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import CallOutcome, ProviderKind
from tests.fakes.context import RecordingContext
from tests.fakes.model_server import Asked, ModelServer, Reply
from tests.fakes.vendors import VENDORS, Vendor
from tests.flow.llm.model_desk import ModelDesk, model_desk, say
from tests.flow.llm.test_structured_answers import GOOD, Plan, plan
from tests.platforms import TRADER

OPENAI, ANTHROPIC, OLLAMA = ProviderKind.OPENAI, ProviderKind.ANTHROPIC, ProviderKind.OLLAMA


@tool
def look(symbol: str) -> str:
    """Look at a symbol."""
    return f"{symbol} is flat"


def planned(asked: Asked) -> Reply:
    """Answer a plan as it is asked for, by a tool or as text; else look something up first, then say it."""
    tools = [one.get("function", one)["name"] for one in asked.body.get("tools", ())]
    if "Plan" in tools:
        return Reply(call=("Plan", GOOD))
    if tools and not any(message["role"] == "tool" for message in asked.body["messages"]):
        return Reply(call=("look", '{"symbol": "AAPL"}'))
    words = json.dumps(asked.body["messages"][-1])
    return Reply(GOOD if "Make a plan" in words or "JSON schema" in words else "It is flat")


async def looked(context: RecordingContext) -> str:
    """Let an agent look something up, inside a step, and return its last words."""
    agent = create_agent(context.models.chat("quick"), [look])
    said = await agent.ainvoke({"messages": [("user", "Look at AAPL")]})
    return str(said["messages"][-1].text)


def refusing(status: int = 400, **words: str) -> Vendor:
    """Return a vendor that refuses these fields of a body."""
    return Vendor(refuses={name.replace("__", "="): (status, said) for name, said in words.items()})


async def test_a_refused_limit_is_asked_by_the_other_name_and_remembered(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1", dialect_changes={"token_field": "max_completion_tokens"})
    server.vendor = refusing(422, max_completion_tokens="Extra inputs are not permitted: max_completion_tokens")
    attempt = desk.attempt("local")
    assert await say(attempt) == "ready"
    assert [("max_completion_tokens" in asked.body, asked.body.get("max_tokens")) for asked in server.asked] == [
        (True, None), (False, 2000),
    ]  # fmt: skip
    assert attempt.warnings == [
        "local's fake-mini is asked with max_tokens from now on: local refused the request: Extra inputs are not"
        " permitted: max_completion_tokens"
    ]
    assert next((call.outcome, call.cost) for call in desk.calls()) == (CallOutcome.FAILED, 0)
    assert await say(desk.attempt("local")) == "ready"
    assert len(server.asked) == 3, "the next analysis asks rightly at once"
    (known,) = desk.providers.get("local").adaptations["fake-mini"]
    assert (known.field, known.value, known.adapted_at) == ("token_field", "max_tokens", attempt.clock.now())


async def test_what_was_adapted_is_known_after_a_restart(tmp_path: Path, server: ModelServer) -> None:
    server.vendor = refusing(stream_options="Unknown parameter: 'stream_options'.")
    with model_desk(tmp_path) as desk:
        desk.add("local", f"{server.url}/v1")
        await say(desk.attempt("local"))
    with model_desk(tmp_path) as desk:
        await say(desk.attempt("local"))
    assert ["stream_options" in asked.body for asked in server.asked] == [True, False, False]


TEMPERATURE = (
    "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) is supported."
)


async def test_a_temperature_that_is_refused_is_left_out(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.vendor = refusing(temperature=TEMPERATURE)
    assert await say(desk.attempt("local", temperature=0.2)) == "ready"
    assert [asked.body.get("temperature") for asked in server.asked] == [0.2, None]


@pytest.mark.parametrize(
    ("kind", "words", "field"),
    [
        (ANTHROPIC, "`temperature` is deprecated for this model.", "temperature"),
        (OLLAMA, "this model does not support temperature", "options"),
    ],
)
async def test_other_protocols_leave_it_out_too(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind, words: str, field: str
) -> None:
    desk.add("some", server.url, kind)
    server.will(Reply(status=400, error=words), Reply("ready"))
    assert await say(desk.attempt("some", temperature=0.2)) == "ready"
    held = [asked.body[field] if field == "options" else asked.body for asked in server.asked]
    assert [body.get("temperature") for body in held] == [0.2, None]


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        (OPENAI, "Thinking mode does not support this tool_choice"),
        (OPENAI, "tool_choice 目前仅支持 auto"),
        (ANTHROPIC, "Thinking may not be enabled when tool_choice forces tool use."),
    ],
)
async def test_a_forced_tool_that_is_refused_is_asked_for_in_words(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind, refused: str
) -> None:
    path = "/v1/messages" if kind is ANTHROPIC else "/v1/chat/completions"
    desk.add("some", server.url if kind is ANTHROPIC else f"{server.url}/v1", kind)
    server.vendor = Vendor(path, refuses={"tool_choice": (400, refused)})
    server.answers = planned
    assert await plan(desk.attempt("some")) == Plan(action="BUY", confidence=70)
    assert ["tool_choice" in asked.body for asked in server.asked] == [True, False]
    assert "calling the tool Plan" in json.dumps(server.asked[1].body["messages"][-1])
    assert "Answer" not in json.dumps(server.asked[0].body["messages"][-1])


async def test_a_named_tool_where_names_are_texts_is_required(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    words = "Invalid tool_choice type: 'object'. Supported string values: none, auto, required"
    server.vendor = refusing(tool_choice__function=words)
    server.answers = planned
    assert await plan(desk.attempt("local")) == Plan(action="BUY", confidence=70)
    assert [asked.body["tool_choice"] for asked in server.asked][1] == "required"


async def test_a_structured_answer_goes_down_its_chain_a_step_a_question(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1", dialect_changes={"structured": "json_schema"})
    server.vendor = refusing(response_format="This response_format type is unavailable now")
    server.answers = planned
    with pytest.raises(ExpertError, match="unavailable now"):
        await plan(desk.attempt("local"))
    assert [asked.body["response_format"]["type"] for asked in server.asked] == ["json_schema", "json_object"]
    assert not desk.providers.get("local").adaptations, "neither way was answered"
    server.vendor = refusing(response_format__json_schema="This response_format type is unavailable now")
    assert await plan(desk.attempt("local")) == Plan(action="BUY", confidence=70)
    server.vendor = refusing(response_format="'response_format.type' must be 'json_schema' or 'text'")
    assert await plan(desk.attempt("local")) == Plan(action="BUY", confidence=70)
    assert "response_format" not in server.asked[-1].body
    assert "JSON schema" in json.dumps(server.asked[-1].body["messages"][-1])


@pytest.mark.parametrize(
    ("kind", "words", "shaped"),
    [
        (OPENAI, "Function call is not supported for this model.", "response_format"),
        (OLLAMA, "registry.ollama.ai/library/gemma:2b does not support tools", "format"),
        (ANTHROPIC, "tools: this model does not support tools", None),
    ],
)
async def test_a_model_without_tools_is_asked_without(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind, words: str, shaped: str | None
) -> None:
    paths = {OPENAI: "/v1/chat/completions", ANTHROPIC: "/v1/messages", OLLAMA: "/api/chat"}
    desk.add("some", f"{server.url}/v1" if kind is OPENAI else server.url, kind, deep_model="fake-mini")
    server.vendor = Vendor(paths[kind], refuses={"tools": (400, words)})
    server.answers = planned
    attempt = desk.attempt("some")
    assert await looked(attempt) == "It is flat"
    assert [bool(asked.body.get("tools")) for asked in server.asked] == [True, False]
    assert "some's fake-mini is asked without tools from now on" in attempt.warnings[0]
    assert await plan(attempt) == Plan(action="BUY", confidence=70)
    assert len(server.asked) == 3
    assert shaped is None or server.asked[2].body[shaped]


async def test_a_conversation_with_tools_goes_on_in_words_where_there_are_none(
    desk: ModelDesk, server: ModelServer
) -> None:
    desk.add("first", f"{server.url}/v1")
    desk.add("second", f"{server.url}/v1", quick_model="plain", dialect_changes={"tools": False})

    def answers(asked: Asked) -> Reply:
        told = any(message["role"] == "tool" for message in asked.body["messages"])
        return Reply(status=401, error="Wrong key") if told else planned(asked)

    server.answers = answers
    assert await looked(desk.attempt("first", "second")) == "It is flat"
    last = server.asked[-1].body
    assert (last["model"], [message["role"] for message in last["messages"]]) == (
        "plain",
        ["user", "assistant", "user"],
    )
    assert "AAPL is flat" in last["messages"][-1]["content"]


@pytest.mark.parametrize("name", ["deepseek", "kimi", "openrouter"])
async def test_thoughts_go_back_with_a_tools_result(desk: ModelDesk, server: ModelServer, name: str) -> None:
    desk.add("local", f"{server.url}/v1", dialect_changes={"reasoning_back": False})
    server.vendor, server.answers = VENDORS[name], planned
    assert await looked(desk.attempt("local")) == "It is flat"
    thinks = VENDORS[name].thinks
    assert [bool(asked.body["messages"][-2].get(thinks)) for asked in server.asked[1:]] == [False, True]


async def test_thoughts_that_are_not_wanted_back_stay_here(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.vendor = Vendor(thinks="reasoning_content")

    def answers(asked: Asked) -> Reply:
        sent = any("reasoning_content" in message for message in asked.body["messages"])
        words = "'messages.1' : for 'role:assistant' the property 'reasoning_content' is unsupported"
        return Reply(status=400, error=words) if sent else planned(asked)

    server.answers = answers
    assert await looked(desk.attempt("local")) == "It is flat"
    (known,) = desk.providers.get("local").adaptations["fake-mini"]
    assert (known.field, known.value) == ("reasoning_back", False)


async def test_several_fields_are_asked_otherwise_one_after_the_other(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1", dialect_changes={"token_field": "max_completion_tokens"})
    server.vendor = refusing(
        max_completion_tokens="Extra inputs are not permitted: max_completion_tokens",
        stream_options="Extra inputs are not permitted: stream_options", temperature=TEMPERATURE,
    )  # fmt: skip
    assert await say(desk.attempt("local", temperature=0.2)) == "ready"
    assert len(server.asked) == 4
    assert len(desk.providers.get("local").adaptations["fake-mini"]) == 3


async def test_nothing_loops_and_the_first_error_is_told(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.answers = lambda asked: Reply(
        status=400,
        error=f"Unknown parameter: {'max_tokens' if 'max_tokens' in asked.body else 'max_completion_tokens'}",
    )
    with pytest.raises(ExpertError, match="Unknown parameter: max_tokens") as failed:
        await say(desk.attempt("local", call_retries=3))
    assert (failed.value.code, len(server.asked)) == ("BAD_REQUEST", 2)
    assert not desk.providers.get("local").adaptations


async def test_words_that_are_not_known_are_asked_no_second_time(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(Reply(status=400, error="The stars stand badly"))
    with pytest.raises(ExpertError, match="The stars stand badly"):
        await say(desk.attempt("local", call_retries=3))
    assert len(server.asked) == 1


async def test_a_retry_counts_as_no_repeat_and_survives_one(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(
        Reply(status=400, error="Unknown parameter: 'stream_options'."), Reply(status=503, error="Busy"), Reply("ready")
    )
    assert await say(desk.attempt("local", call_retries=1)) == "ready"
    assert ["stream_options" in asked.body for asked in server.asked] == [True, False, False]
    assert desk.providers.get("local").adaptations["fake-mini"][0].field == "usage"


async def test_an_answer_that_was_cut_took_how_it_was_asked(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(Reply(status=400, error="Unknown parameter: 'stream_options'."), Reply("half an", finish="length"))
    with pytest.raises(ExpertError, match="the longest allowed"):
        await say(desk.attempt("local"))
    assert desk.providers.get("local").adaptations["fake-mini"][0].field == "usage"


async def test_what_is_refused_by_status_alone_is_a_failure_as_ever(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(Reply(status=401, error="tool_choice is not supported for this key"))
    with pytest.raises(ExpertError) as failed:
        await say(desk.attempt("local"))
    assert (failed.value.code, len(server.asked)) == ("AUTH", 1)


async def test_fifty_at_once_adapt_once(tmp_path: Path, server: ModelServer, caplog: pytest.LogCaptureFixture) -> None:
    server.vendor = refusing(max_tokens="Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    server.limit = (30, 0.3)
    with model_desk(tmp_path, minute=2) as desk:
        desk.add("local", f"{server.url}/v1", requests_per_minute=30, concurrency=50)
        attempts = [desk.attempt("local") for _ in range(50)]
        assert await asyncio.gather(*(say(attempt) for attempt in attempts)) == ["ready"] * 50
        assert len(desk.providers.get("local").adaptations["fake-mini"]) == 1
        assert await say(desk.attempt("local")) == "ready"
    assert server.refused == 0
    assert caplog.text.count("is asked with max_completion_tokens from now on") == 1
    assert "max_tokens" not in server.asked[-1].body


async def test_two_analyses_warn_of_what_they_met(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.vendor = refusing(stream_options="Unknown parameter: 'stream_options'.")
    first, later = desk.attempt("local"), desk.attempt("local")
    await say(first)
    await say(later)
    assert (len(first.warnings), later.warnings) == (1, [])


async def test_what_the_desk_says_later_counts_again(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(Reply(status=400, error="Unknown parameter: 'stream_options'."), Reply("ready"))
    await say(desk.attempt("local"))
    desk.providers.change("local", by=TRADER, dialect_changes={"usage": "each"})
    await say(desk.attempt("local"))
    assert "stream_options" in server.asked[-1].body


async def test_a_model_that_was_named_by_the_desk_is_adapted_too(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1", structured={"fake": "json_schema"})
    server.vendor = refusing(response_format__json_schema="response_format json_schema is unavailable")
    server.answers = planned
    assert await plan(desk.attempt("local")) == Plan(action="BUY", confidence=70)
    assert desk.providers.get("local").spoken("fake").structured == "json_mode"
    desk.providers.change("local", by=TRADER, structured={"fake": "function_calling"})
    assert desk.providers.get("local").spoken("fake").structured == "function_calling"


async def test_agents_tools_that_are_forced_follow_the_dialect(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1", dialect_changes={"tool_choice": "auto"})
    await (
        desk.attempt("local")
        .models.chat("quick")
        .bind_tools([look], tool_choice="any")
        .ainvoke([HumanMessage("Look at AAPL")])
    )
    assert "tool_choice" not in server.asked[0].body


async def test_what_was_seen_of_a_provider_that_was_changed_meanwhile_is_not_kept(
    desk: ModelDesk, server: ModelServer
) -> None:
    def changed(asked: Asked) -> Reply:
        if "max_tokens" in asked.body:
            return Reply(status=400, error="Unsupported parameter: 'max_tokens'")
        desk.providers.change("local", dialect="vllm", by=TRADER)
        return Reply()

    server.answers = changed
    desk.add("local", f"{server.url}/v1")
    assert await say(desk.attempt("local")) == "ready"
    assert desk.providers.get("local").adaptations == {}
