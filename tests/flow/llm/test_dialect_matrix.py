"""Dialect matrix: every vendor's habits against every behaviour of a call, as the table of docs/models.md."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.models.dialects import BY_NAME
from ba2_trade_platform.vocabulary import CallOutcome, ErrorCode, ProviderKind, TokenField
from tests.fakes.model_server import Asked, ModelServer, Reply, model_server
from tests.fakes.vendors import THOUGHT, VENDORS
from tests.flow.llm.model_desk import ModelDesk, model_desk, say
from tests.flow.llm.test_structured_answers import GOOD, Plan, plan
from tests.places import ROOT
from tests.platforms import TRADER

DOCUMENT = ROOT / "docs/models.md"
BEGIN, END = "<!-- dialects: begin -->", "<!-- dialects: end -->"
CUT = {"ollama": "length", "anthropic": "max_tokens"}
VENDOR, OTHER = "vendor", "other"
PROSE = "It is flat and nothing stands out"


@tool
def look(symbol: str) -> str:
    """Look at a symbol."""
    return f"{symbol} is flat"


def answering(asked: Asked) -> Reply:
    """Answer with a plan, with a look first where there are tools, or with prose."""
    tools = [one.get("function", one)["name"] for one in asked.body.get("tools") or ()]
    if "Plan" in tools:
        return Reply(call=("Plan", GOOD))
    messages = json.dumps(asked.body["messages"])
    if tools and '"tool"' not in messages and "tool_result" not in messages:
        return Reply(call=("look", '{"symbol": "AAPL"}'))
    return Reply(GOOD if "Make a plan" in messages else PROSE)


async def prose(desk: ModelDesk, server: ModelServer, name: str) -> bool:
    """Answer in prose, with nothing of the thinking in it, in one call."""
    return await say(desk.attempt(VENDOR)) == PROSE and len(server.asked) == 1


async def tool_turn(desk: ModelDesk, server: ModelServer, name: str) -> bool:
    """Call a tool, take its result, and answer: two calls."""
    agent = create_agent(desk.attempt(VENDOR).models.chat("quick"), [look])
    said = await agent.ainvoke({"messages": [("user", "Look at AAPL")]})
    return said["messages"][-1].text == PROSE and len(server.asked) == 2


async def structured(desk: ModelDesk, server: ModelServer, name: str) -> bool:
    """Answer with a plan in its shape, in one call."""
    return await plan(desk.attempt(VENDOR)) == Plan(action="BUY", confidence=70) and len(server.asked) == 1


async def thinking_apart(desk: ModelDesk, server: ModelServer, name: str) -> bool:
    """Keep what was thought out of what is said."""
    said = await say(desk.attempt(VENDOR), "What do you think?")
    thinks = VENDORS[name].thinks is None or len(server.asked) == 1
    return thinks and THOUGHT not in said and "think>" not in said


async def bad_ending(desk: ModelDesk, server: ModelServer, name: str) -> bool:
    """Fail an answer that ends in a word which is no good ending."""
    server.answers = lambda _: Reply(PROSE, finish="error")
    return await _failed(desk) is not None


async def cut(desk: ModelDesk, server: ModelServer, name: str) -> bool:
    """Fail an answer that was cut off at its limit."""
    server.answers = lambda _: Reply(PROSE, finish=CUT.get(name, "length"))
    return await _failed(desk) is ErrorCode.OUTPUT_INVALID


async def usage(desk: ModelDesk, server: ModelServer, name: str) -> bool:
    """Count the tokens that the server's bill has, thinking among them."""
    await say(desk.attempt(VENDOR))
    call = desk.calls()[-1]
    return (call.tokens_in, call.tokens_out) == VENDORS[name].counted


async def empty_account(desk: ModelDesk, server: ModelServer, name: str) -> bool:
    """Call an account without money PERMISSION, and ask no second time."""
    status, words = VENDORS[name].empty_account
    server.answers = lambda _: Reply(status=status, error=words)
    return await _failed(desk, repeats=1) is ErrorCode.PERMISSION and len(server.asked) == 1


async def refused_once(desk: ModelDesk, server: ModelServer, name: str) -> bool:
    """Be asked by the wrong dialect, and asked rightly from the second call on."""
    kind = BY_NAME[name].kind
    if kind is not ProviderKind.OPENAI:
        return True
    desk.add(OTHER, f"{server.url}/v1", dialect=_wrong(name), dialect_changes=_headers(name))
    answer = await plan(desk.attempt(OTHER))
    before = len(server.asked)
    await plan(desk.attempt(OTHER))
    return answer == Plan(action="BUY", confidence=70) and len(server.asked) == before + 1


Behaviour = Callable[[ModelDesk, ModelServer, str], Awaitable[bool]]
BEHAVIOURS: Mapping[str, Behaviour] = {
    "prose": prose, "tool and its result": tool_turn, "structured": structured, "thinking apart": thinking_apart,
    "usage": usage, "bad ending fails": bad_ending, "cut answer fails": cut, "empty account": empty_account,
    "wrong dialect is mended": refused_once,
}  # fmt: skip
Row = tuple[str, ...]


def _wrong(name: str) -> str:
    return "together" if BY_NAME[name].token_field is TokenField.MAX_COMPLETION_TOKENS else "openai"


def _headers(name: str) -> dict[str, object] | None:
    return {"headers": dict(BY_NAME[name].headers)} if BY_NAME[name].headers else None


async def _failed(desk: ModelDesk, repeats: int = 0) -> ErrorCode | None:
    try:
        await say(desk.attempt(VENDOR, call_retries=repeats))
    except ExpertError as error:
        return error.code if desk.outcomes()[-1] is CallOutcome.FAILED else None
    return None


async def seen(desk: ModelDesk, name: str) -> Row:
    """Return how a vendor's server and this console do each thing together, every time as if for the first time."""
    kind, row = BY_NAME[name].kind, []
    with model_server() as server:
        url = f"{server.url}/v1" if kind is ProviderKind.OPENAI else server.url
        for behaviour in BEHAVIOURS.values():
            desk.add(VENDOR, url, kind, dialect=name)
            server.vendor, server.answers = VENDORS[name], answering
            server.asked.clear()
            try:
                row.append("yes" if await behaviour(desk, server, name) else "**no**")
            except ExpertError as error:
                print(f"{name}: {error}")
                row.append("**no**")
            for provider in {VENDOR, OTHER} & {one.name for one in desk.providers.list()}:
                desk.providers.remove(provider, by=TRADER)
    return tuple(row)


def table(rows: Mapping[str, Row]) -> str:
    """Return the rows as the document has them."""
    lines = [f"| dialect | {' | '.join(BEHAVIOURS)} |", f"| --- |{' --- |' * len(BEHAVIOURS)}"]
    lines += [f"| {BY_NAME[name].label} | {' | '.join(row)} |" for name, row in rows.items()]
    return "\n".join(lines)


def test_every_preset_has_its_fake() -> None:
    assert set(VENDORS) == set(BY_NAME) - {"scripted"}


async def seen_by_all(folder: Path) -> dict[str, Row]:
    """Return the rows of all vendors."""
    with model_desk(folder) as desk:
        return {name: await seen(desk, name) for name in VENDORS}


def test_the_table_of_the_document_is_what_was_seen(tmp_path: Path) -> None:
    found = f"\n{table(asyncio.run(seen_by_all(tmp_path)))}\n"
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    shown, _, after = rest.partition(END)
    if shown != found:
        DOCUMENT.write_text(f"{before}{BEGIN}{found}{END}{after}")
        pytest.fail(f"docs/models.md said something else; it was written anew, look at what changed:{found}")
    assert "**no**" not in found
