"""The scripted model where real models stand: in an agent with a tool, behind a schema, and in a debate's graph."""

from __future__ import annotations

import itertools
import operator
import subprocess
import sys
from typing import Annotated, Any, Literal, TypedDict

from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel, Field

from ba2_trade_platform.demo.market import STANDS_AT, DemoMarket
from ba2_trade_platform.demo.scripted_model.model import ScriptedModel
from ba2_trade_platform.demo.scripted_model.practice import practice_of
from tests.facts import numbers_at, prompt
from tests.places import ROOT

NUMBERS = numbers_at(DemoMarket(), "AMD", STANDS_AT)


class Proposal(BaseModel):
    """What the trader proposes."""

    action: Literal["BUY", "SELL", "HOLD"]
    confidence: int = Field(ge=1, le=100)
    target_price: float | None = None
    stop_price: float | None = None
    reasons: list[str] = Field(min_length=1)


@tool
def price_history(sessions: int, note: str = "") -> str:
    """Return the last closes."""
    return f"{sessions} closes {note}"


@tool
def search_news(symbol: str) -> str:
    """Return the newest headlines."""
    return f"{symbol}: shares fall after warning"


async def test_an_analyst_with_tools_looks_once_and_then_writes() -> None:
    agent = create_agent(ScriptedModel(), tools=[search_news, price_history])
    state = await agent.ainvoke({"messages": prompt("technical", NUMBERS, "AMD")})
    kinds = [type(message) for message in state["messages"][2:]]
    assert kinds == [AIMessage, ToolMessage, AIMessage]
    called = state["messages"][2].tool_calls
    assert [(call["name"], call["args"]) for call in called] == [("price_history", {"sessions": 30})]
    assert "Technical view: **bearish**" in state["messages"][-1].text


async def test_what_the_news_tool_found_is_counted() -> None:
    agent = create_agent(ScriptedModel(), tools=[price_history, search_news])
    state = await agent.ainvoke({"messages": prompt("news", NUMBERS, "AMD")})
    assert state["messages"][2].tool_calls[0]["args"] == {"symbol": "AMD"}
    assert "words for the price: 0, against it: 2" in state["messages"][-1].text


async def test_an_agent_ends_with_the_answer_in_the_shape_that_was_asked_for() -> None:
    agent = create_agent(ScriptedModel(), tools=[price_history], response_format=ToolStrategy(Proposal))
    state = await agent.ainvoke({"messages": prompt("technical", NUMBERS, "AMD")})
    assert [type(message) for message in state["messages"][2:4]] == [AIMessage, ToolMessage]
    assert isinstance(state["structured_response"], Proposal)
    assert state["structured_response"].action == "SELL"


async def test_a_schema_is_filled_by_calling_a_function() -> None:
    asked = ScriptedModel().with_structured_output(Proposal, method="function_calling")
    proposal = await asked.ainvoke(prompt("trader", NUMBERS, "AMD"))
    assert isinstance(proposal, Proposal)
    assert proposal.target_price
    assert proposal.stop_price
    assert proposal.target_price < NUMBERS["close"] < proposal.stop_price


class Table(TypedDict):
    """What was said."""

    reports: Annotated[dict[str, str], operator.or_]


async def test_a_debate_runs_through_a_graph() -> None:
    def speaker(role: str) -> Any:
        async def speak(state: Table) -> Table:
            said = await ScriptedModel().ainvoke(prompt(role, NUMBERS, "AMD", reports=state["reports"]))
            return {"reports": {role: said.text}}

        return speak

    graph = StateGraph(Table)
    analysts, debaters = ("technical", "fundamentals"), ("bull", "bear", "research_manager", "portfolio_manager")
    for role in (*analysts, *debaters):
        graph.add_node(role, speaker(role))
    for analyst in analysts:
        graph.add_edge(START, analyst)
    graph.add_edge(list(analysts), "bull")
    for before, after in itertools.pairwise(debaters):
        graph.add_edge(before, after)
    graph.add_edge(debaters[-1], END)
    reports = (await graph.compile().ainvoke({"reports": {}}))["reports"]
    assert reports["bear"].startswith("The bull points to the ")
    assert "Not heard: news, sentiment." in reports["research_manager"]
    assert "**SELL** AMD" in reports["portfolio_manager"]


def test_reading_a_models_name_imports_no_langchain() -> None:
    assert practice_of("rules").times == 1
    program = (
        "import sys; from ba2_trade_platform.demo.scripted_model import practice;"
        " sys.exit(any(name.startswith('lang') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
