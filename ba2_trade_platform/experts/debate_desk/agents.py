"""Agents: get a seat's answer with tools, in one call or structured, each on a checkpoint thread of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from langchain.agents import create_agent
from langchain.agents.middleware import ModelCallLimitMiddleware
from langchain.agents.middleware.model_call_limit import ModelCallLimitExceededError
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from ba2_trade_platform.core.contracts.experts import AnalysisContext, ExpertError
from ba2_trade_platform.core.contracts.model_windows import Shorten
from ba2_trade_platform.experts.debate_desk.answers import decision_at
from ba2_trade_platform.experts.debate_desk.checkpoints import Threads
from ba2_trade_platform.experts.debate_desk.listener import Listener, is_scripted, lacking
from ba2_trade_platform.experts.debate_desk.seats import Seat
from ba2_trade_platform.vocabulary import ErrorCode

Graph = CompiledStateGraph[Any, Any, Any, Any]
Call = Callable[[], Awaitable[dict[str, Any]]]
STEPS_A_CALL = 4  # a model call, its check and its tools: the graph's own limit must never be the first to be met


@dataclass(frozen=True)
class Question:
    """What a seat is asked."""

    seat: Seat
    system: str
    facts: str
    inputs_hash: str
    shorten: Shorten | None = None


@dataclass(frozen=True)
class Answered:
    """What a seat said; `answer` is the structured part, for those who decide; `left_out`: what its question lacked."""

    text: str
    scripted: bool
    answer: dict[str, Any] | None = None
    left_out: Sequence[str] = ()


class _Once(TypedDict, total=False):
    """The state of a graph with one call in it."""

    answer: dict[str, Any]


@dataclass(frozen=True)
class Asker:
    """Asks the models of one attempt. Everything that was answered is on the thread before the step goes on."""

    context: AnalysisContext
    threads: Threads

    async def with_tools(self, question: Question, tools: Sequence[BaseTool], most_calls: int) -> Answered:
        """Let an agent read with its tools until it answers; goes on where an earlier attempt's agent stopped.

        Raises ExpertError OUTPUT_INVALID when it only asks for tools, `most_calls` times, or says nothing.
        """
        seat = question.seat
        limit = ModelCallLimitMiddleware(thread_limit=most_calls, exit_behavior="error")
        heard = Listener(self.context, seat)

        def agent() -> Graph:
            return create_agent(
                self.context.models.chat(seat.tier, question.shorten),
                tools=list(tools),
                system_prompt=question.system,
                middleware=[limit],
                checkpointer=self.threads.saver,
            )

        config = self._config(question, heard) | {"recursion_limit": STEPS_A_CALL * most_calls + 10}
        try:
            state = await self._goes_on(agent, {"messages": [HumanMessage(question.facts)]}, config, heard)
        except ModelCallLimitExceededError as error:
            await self.threads.forget(config)
            asked = f"The {seat.name.lower()} asked for tools {most_calls} times and did not answer"
            sentence = f"{asked}; allow it more calls or choose another model"
            raise ExpertError(ErrorCode.OUTPUT_INVALID, sentence) from error
        last: BaseMessage = state["messages"][-1]
        if not last.text.strip():
            await self.threads.forget(config)
            raise _empty(seat)
        return Answered(last.text, is_scripted(last), left_out=lacking(last))

    async def plain(self, question: Question) -> Answered:
        """Ask once for prose; raises ExpertError OUTPUT_INVALID for an empty answer."""
        heard = Listener(self.context, question.seat)

        async def call() -> dict[str, Any]:
            said = await self.context.models.chat(question.seat.tier, question.shorten).ainvoke(_messages(question))
            if not said.text.strip():
                raise _empty(question.seat)
            return {"text": said.text, "scripted": is_scripted(said), "left_out": lacking(said)}

        return await self._once(question, call, heard)

    async def decision(self, question: Question, price: float) -> Answered:
        """Ask once for a Decision that fits the price; raises ExpertError OUTPUT_INVALID after one corrective try."""
        heard = Listener(self.context, question.seat)

        async def call() -> dict[str, Any]:
            schema = decision_at(price)
            said = await self.context.models.ask(question.seat.tier, _messages(question), schema, question.shorten)
            answer = said.model_dump(mode="json")
            lacked = heard.left_out
            return {"text": said.summary, "scripted": heard.scripted, "answer": answer, "left_out": lacked}

        return await self._once(question, call, heard)

    async def _once(self, question: Question, call: Call, heard: Listener) -> Answered:
        async def node(state: _Once, runtime: Runtime[Any]) -> _Once:  # noqa: ARG001 - LangGraph passes both
            return {"answer": await call()}

        def graph() -> Graph:
            builder = StateGraph(_Once)
            builder.add_node("call", node)
            builder.add_edge(START, "call")
            return builder.compile(checkpointer=self.threads.saver)

        state = await self._goes_on(graph, {"answer": {}}, self._config(question, heard), heard)
        return Answered(**state["answer"])

    async def _goes_on(
        self, graph: Callable[[], Graph], first: dict[str, Any], config: RunnableConfig, heard: Listener
    ) -> dict[str, Any]:
        """Run the graph on its thread: from the beginning, from the call that failed, or not at all when it is done."""
        if self.threads.saver is not None:
            try:
                checkpointed = graph()
                earlier = await checkpointed.aget_state(config)
                if earlier.created_at is None:
                    return await checkpointed.ainvoke(first, config, durability="sync")
                heard.recall(earlier.values.get("messages", []))
                if not earlier.next:
                    return dict(earlier.values)
                # None, and not the input again: LangGraph would begin anew and pay for every call again.
                return await checkpointed.ainvoke(None, config, durability="sync")
            except sqlite3.Error as error:
                self.threads.lose(error)
        return await graph().ainvoke(first, config)

    def _config(self, question: Question, heard: Listener) -> RunnableConfig:
        return {**self.threads.config(question.seat.name, question.inputs_hash), "callbacks": [heard]}


def _messages(question: Question) -> list[BaseMessage]:
    return [SystemMessage(question.system), HumanMessage(question.facts)]


def _empty(seat: Seat) -> ExpertError:
    return ExpertError(ErrorCode.OUTPUT_INVALID, f"The {seat.name.lower()} answered with nothing")
