"""Structured answers, by each method, through the real client: read, corrected once, or a clear failure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel, Field

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.llm.structured import UnreadableError, read
from ba2_trade_platform.vocabulary import ProviderKind
from tests.fakes.context import RecordingContext
from tests.fakes.model_server import ModelServer, Reply
from tests.flow.llm.model_desk import ModelDesk


class Plan(BaseModel):
    """A plan of action."""

    action: str
    confidence: int = Field(ge=1, le=100)


GOOD = '{"action": "BUY", "confidence": 70}'
BAD = '{"action": "BUY", "confidence": 700}'


async def plan(context: RecordingContext) -> Plan:
    """Ask for a plan."""
    answer: Plan = await context.models.ask("deep", [HumanMessage("Make a plan")], Plan)
    return answer


def calling(arguments: str, name: str = "Plan") -> Reply:
    """Return a reply that calls a tool."""
    return Reply(call=(name, arguments))


@pytest.mark.parametrize(
    ("method", "reply", "sent"),
    [
        ("function_calling", calling(GOOD), lambda body: body["tools"][0]["function"]["name"] == "Plan"),
        ("json_schema", Reply(GOOD), lambda body: body["response_format"]["json_schema"]["name"] == "Plan"),
        ("json_mode", Reply(f"```json\n{GOOD}\n```"), lambda body: "JSON schema" in body["messages"][-1]["content"]),
    ],
)
async def test_each_method_asks_and_reads_in_its_own_way(
    desk: ModelDesk, server: ModelServer, method: str, reply: Reply, sent: Any
) -> None:
    desk.add("local", f"{server.url}/v1", structured={"fake": method})
    server.will(reply)
    assert await plan(desk.attempt("local")) == Plan(action="BUY", confidence=70)
    assert sent(server.asked[0].body)


async def test_ollama_is_given_the_schema(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("llama", server.url, ProviderKind.OLLAMA)
    server.will(Reply(GOOD))
    assert await plan(desk.attempt("llama")) == Plan(action="BUY", confidence=70)
    assert server.asked[0].body["format"]["title"] == "Plan"


UNUSABLE = [
    (calling(BAD), "confidence: Input should be less than or equal to 100"),
    (calling('{"action": "BUY", "conf'), "no valid JSON"),
    (calling("{}", name="Dance"), "you called Dance instead of Plan"),
    (Reply("I would buy."), "it holds no Plan"),
    (Reply('{"action": ' * 20_000), "it holds no Plan"),
    (Reply(""), "gave an empty answer"),
]


@pytest.mark.parametrize(("reply", "problem"), UNUSABLE, ids=[f"{n}-{row[1]}" for n, row in enumerate(UNUSABLE)])
async def test_an_unusable_answer_is_corrected_once(
    desk: ModelDesk, server: ModelServer, reply: Reply, problem: str
) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(reply, calling(GOOD))
    assert await plan(desk.attempt("local")) == Plan(action="BUY", confidence=70)
    assert problem in json.dumps(server.asked[1].body["messages"][-1])


@pytest.mark.parametrize(("reply", "problem"), UNUSABLE, ids=[f"{n}-{row[1]}" for n, row in enumerate(UNUSABLE)])
async def test_after_the_second_it_is_no_answer(
    desk: ModelDesk, server: ModelServer, reply: Reply, problem: str
) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(reply)
    with pytest.raises(ExpertError, match="no readable Plan, at the second try neither") as failed:
        await plan(desk.attempt("local"))
    assert (failed.value.code, failed.value.provider, len(server.asked)) == ("OUTPUT_INVALID", "local", 2)
    assert problem in str(failed.value)


def test_two_answers_that_differ_are_none() -> None:
    buy, sell = (
        {"name": "Plan", "args": {"action": action, "confidence": 70}, "id": action} for action in ("BUY", "SELL")
    )
    assert read(AIMessage("", tool_calls=[buy, buy]), Plan).action == "BUY"
    with pytest.raises(UnreadableError, match="2 answers that differ"):
        read(AIMessage("", tool_calls=[buy, sell]), Plan)
