"""Debate graph: a LangGraph node for each seat, inside a recorded step so that an attempt can resume.

Importing this module imports LangChain; the expert does so in the thread of its first step.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from ba2_trade_platform.core.contracts.experts import AnalysisContext
from ba2_trade_platform.core.contracts.language_models import Lesson
from ba2_trade_platform.experts.debate_desk import report
from ba2_trade_platform.experts.debate_desk.agents import Answered, Asker, Question
from ba2_trade_platform.experts.debate_desk.checkpoints import Threads
from ba2_trade_platform.experts.debate_desk.listener import labelled, shortened
from ba2_trade_platform.experts.debate_desk.material import Material
from ba2_trade_platform.experts.debate_desk.prompts import facts_text, json_hash, prompt, prompt_hash
from ba2_trade_platform.experts.debate_desk.seats import DATA, RECALL, Seat
from ba2_trade_platform.experts.debate_desk.settings import DebateDeskSettings
from ba2_trade_platform.experts.debate_desk.shortening import Shortening
from ba2_trade_platform.experts.debate_desk.tools import tools_for

MOST_STEPS = 100
Result = dict[str, Any]  # JSON-able: what a seat's step records


class Table(TypedDict):
    """What has been said so far, by seat."""

    results: Annotated[dict[str, Result], operator.or_]


@dataclass
class Debate:
    """One attempt's debate: what it is about, whom it asks, and who failed."""

    context: AnalysisContext
    material: Material
    threads: Threads
    seats: tuple[Seat, ...]
    failed: dict[str, Exception] = field(default_factory=dict)

    async def hold(self) -> dict[str, Result]:
        """Return what each seat said. The first failure, in the order of the seats, is raised as it is.

        Seats that speak side by side are left to end when one of them fails: what they were paid for is kept.
        """
        config: RunnableConfig = {"recursion_limit": MOST_STEPS, "callbacks": []}
        table = await graph_of(self.seats).ainvoke({"results": {}}, config, context=self)
        failed = [(seat.name, self.failed[seat.name]) for seat in self.seats if seat.name in self.failed]
        for name, error in failed[1:]:
            self.context.warn(f"{name} failed too: {error}")
        if failed:
            raise failed[0][1]
        results: dict[str, Result] = table["results"]
        return results

    async def sit(self, seat: Seat, results: Mapping[str, Result]) -> Result:
        """Let one seat speak, in its step, after those whose words it reads."""
        block = self._block(seat, {name: results[name] for name in seat.after if name in results})
        inputs = self._inputs(seat, block)
        speak = partial(self._speak, seat, block, results, json_hash(inputs))
        return await self.context.step(seat.name, speak, inputs=inputs, after=seat.after)

    def _inputs(self, seat: Seat, block: Mapping[str, Any]) -> dict[str, Any]:
        """Return all that the seat's answer depends on. Budgets, time-outs and routing are none of it."""
        settings: DebateDeskSettings = self.context.settings
        inputs: dict[str, Any] = {"facts": block}
        if seat.kind == "recall":
            return inputs | {"lessons": settings.lessons}
        inputs |= settings.model_dump(
            mode="json", include={"quick_model", "deep_model", "temperature", "max_output_tokens"}
        )
        if seat.kind == "analyst":
            inputs |= {"prices": self.material.digest()}
        return inputs | {"prompt": prompt_hash(seat.role)}

    def _block(self, seat: Seat, heard: Mapping[str, Result]) -> dict[str, Any]:
        """Return the facts for one seat: numbers and what its kind reads, the reports it heard, and lessons."""
        if seat.kind == "recall":
            return {"situation": self.material.situation()}
        keys = {other.name: other.key for other in self.seats}
        block = self.material.block(seat.role)
        block["reports"] = {
            keys[name]: said["text"] for name, said in heard.items() if name != RECALL and not said.get("absent")
        }
        if RECALL in heard:
            block["lessons"] = heard[RECALL]["lessons"]
        return block

    async def _speak(self, seat: Seat, block: dict[str, Any], results: Mapping[str, Result], digest: str) -> Result:
        if seat.kind == "recall":
            return await self._recall(block["situation"])
        if seat.role in self.material.absent:
            why = self.material.absent[seat.role]
            self.context.output(seat.kind, f"{seat.name}: absent", f"Absent: {why}. No model was asked.")
            return {"text": "", "absent": why}
        said = await self._ask(Question(seat, prompt(seat.role), facts_text(block), digest, Shortening(block)))
        text = said.text
        if said.answer is not None:
            text = report.decision(said.answer, self.material.price, self.material.bars.currency)
        shown = "\n\n".join(filter(None, (labelled(text, said.scripted), shortened(said.left_out))))
        self.context.output(seat.kind, seat.name, shown, said.answer)
        result: Result = {
            "text": text, "scripted": said.scripted, "answer": said.answer, "left_out": list(said.left_out),
        }  # fmt: skip
        if seat.kind == "decision":
            everybody = {**results, seat.name: result}
            self.context.output("summary", "Summary", report.summary(shown, everybody, self.material))
        return result

    async def _ask(self, question: Question) -> Answered:
        seat, asker = question.seat, Asker(self.context, self.threads)
        if seat.kind == "analyst":
            tools = tools_for(seat.role, self.material)
            return await asker.with_tools(question, tools, self.context.settings.analyst_calls)
        if seat.kind in {"trader", "decision"}:
            return await asker.decision(question, self.material.price)
        return await asker.plain(question)

    async def _recall(self, situation: str) -> Result:
        found = await self.context.memory.recall(situation, self.context.settings.lessons)
        if found.warning:
            self.context.warn(found.warning)
        self.context.output("data", RECALL, report.recalled(found.lessons, found.warning))
        return {"text": "", "lessons": [_lesson(one) for one in found.lessons]}


@lru_cache(maxsize=64)
def graph_of(seats: tuple[Seat, ...]) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the graph in which these seats speak; compiled once for each arrangement."""
    builder = StateGraph(Table, context_schema=Debate)
    for seat in seats:
        builder.add_node(seat.name, partial(_node, seat))
        waits_for = [name for name in seat.after if name != DATA]
        builder.add_edge(waits_for or START, seat.name)
    return builder.compile()


async def _node(seat: Seat, table: Table, runtime: Runtime[Debate]) -> dict[str, dict[str, Result]]:
    debate = runtime.context
    if debate.failed:
        return {"results": {}}
    try:
        return {"results": {seat.name: await debate.sit(seat, table["results"])}}
    except Exception as error:  # noqa: BLE001 - raised again when those who speak beside it have ended
        debate.failed[seat.name] = error
        return {"results": {}}


def _lesson(one: Lesson) -> dict[str, Any]:
    return {
        "symbol": one.symbol,
        "as_of": one.as_of.isoformat(),
        "known_at": one.known_at.isoformat(),
        "action": one.action,
        "return_percent": one.return_percent,
        "situation": one.situation,
        "reflection": one.reflection,
    }
