"""Fake language models: a real chat model that gives the answers of a test and counts its calls."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, ValidationError

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import Tier
from ba2_trade_platform.core.contracts.model_windows import Shorten
from ba2_trade_platform.vocabulary import ErrorCode

Answer = TypeVar("Answer", bound=BaseModel)
DECISION_MARGIN = 2.0


@dataclass(frozen=True)
class Asked:
    """One call as the model saw it; `number` counts the calls of its role from 1."""

    role: str
    number: int
    facts: Mapping[str, Any]
    messages: Sequence[BaseMessage]
    tools: Sequence[str]

    @property
    def tool_results(self) -> list[str]:
        """What the tools have given in this conversation."""
        return [message.text for message in self.messages if isinstance(message, ToolMessage)]


Script = Callable[[Asked], "AIMessage | None"]


@dataclass
class CallLog:
    """Every call that was made and every call that was answered, in order, by role."""

    asked: list[Asked] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def calls(self) -> Counter[str]:
        """Return the number of calls by role."""
        return Counter(call.role for call in self.asked)


class CountingModel(BaseChatModel):
    """Answers as its script says, else sensibly from the numbers; a script may raise, and a gate may hold a call."""

    script: Script
    call_log: CallLog
    gate: Callable[[Asked], Any] | None = None
    provider: str = "fake"

    @property
    def _llm_type(self) -> str:
        return "counting"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Runnable[Any, AIMessage]:
        """Keep the tools in OpenAI's format."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools])

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError("the desk asks asynchronously")

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **given: Any) -> ChatResult:
        facts = facts_in(messages)
        role = str(facts["role"])
        number = self.call_log.calls()[role] + 1
        tools = [tool["function"]["name"] for tool in given.get("tools", ())]
        asked = Asked(role, number, facts, messages, tools)
        self.call_log.asked.append(asked)
        try:
            await (self.gate(asked) if self.gate else asyncio.sleep(0))
            message = self.script(asked) or sensible(asked)
        except asyncio.CancelledError:
            self.call_log.cancelled.append(role)
            raise
        self.call_log.answered.append(role)
        message.response_metadata = {"model_provider": self.provider, "model_name": "m", "finish_reason": "stop"}
        message.usage_metadata = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
        return ChatResult(generations=[ChatGeneration(message=message)])


class FakeModels:
    """Honours core.contracts.language_models.Models over one CountingModel."""

    def __init__(
        self,
        script: Script = lambda _: None,
        gate: Callable[[Asked], Any] | None = None,
        provider: str = "fake",
        call_log: CallLog | None = None,
    ) -> None:
        self._provider = provider
        self.call_log = call_log or CallLog()
        self._model = CountingModel(script=script, call_log=self.call_log, gate=gate, provider=provider)

    def chat(self, tier: Tier, shorten: Shorten | None = None) -> BaseChatModel:  # noqa: ARG002 - the protocol's
        """Return the model; both tiers are the same."""
        return self._model

    async def ask(
        self,
        tier: Tier,  # noqa: ARG002 - the protocol's
        messages: Sequence[BaseMessage],
        schema: type[Answer],
        shorten: Shorten | None = None,  # noqa: ARG002 - the protocol's
    ) -> Answer:
        """Ask, parse, and try once more with the error."""
        model = self._model.bind_tools([schema])
        conversation = list(messages)
        for _ in range(2):
            said = await model.ainvoke(conversation)
            try:
                return schema.model_validate(said.tool_calls[0]["args"])
            except (ValidationError, IndexError) as error:
                problem = str(error)
                conversation += [said, HumanMessage(f"That cannot be used: {problem}. Answer again.")]
        raise ExpertError(ErrorCode.OUTPUT_INVALID, f"The answer could not be read, twice: {problem}", provider="fake")

    def describe(self) -> Mapping[str, Any]:
        """Return who answers."""
        return {"providers": [{"name": "fake", "kind": self._provider, "quick": "m", "deep": "m"}]}


def facts_in(messages: Sequence[BaseMessage]) -> dict[str, Any]:
    """Return the last block of facts that was given."""
    text = next(m.text for m in reversed(messages) if isinstance(m, HumanMessage) and "```facts\n" in m.text)
    facts: dict[str, Any] = json.loads(text.split("```facts\n")[-1].split("\n```")[0])
    return facts


def tool_call(tool: str, /, **arguments: Any) -> AIMessage:
    """Return a message that asks for one tool."""
    return AIMessage("", tool_calls=[{"name": tool, "args": arguments, "id": f"call-{tool}"}])


def decided(action: str, close: float, /, **changes: Any) -> AIMessage:
    """Return a decision with its levels on the right sides."""
    up = {"BUY": 1, "SELL": -1}.get(action, 0)
    answer = {
        "action": action,
        "confidence": 61,
        "expected_profit_percent": 6.0 * abs(up),
        "target_price": close * (1 + 0.06 * up) if up else None,
        "stop_price": close * (1 - 0.03 * up) if up else None,
        "horizon": "medium_term",
        "risk": "medium",
        "summary": f"The desk says {action}.",
        "reasons": [{"claim": "The price leads", "evidence": "return_63d"}],
    }
    return tool_call("Decision", **(answer | changes))


def sensible(asked: Asked) -> AIMessage:
    """Answer from the numbers; the technical analyst reads its prices first."""
    numbers = asked.facts["numbers"]
    change = numbers["return_63d"]
    if "Decision" in asked.tools:
        action = "HOLD" if abs(change) < DECISION_MARGIN else "BUY" if change > 0 else "SELL"
        return decided(action, numbers["close"])
    if asked.role == "technical" and asked.tools and not asked.tool_results:
        return tool_call("price_history", sessions=5)
    return AIMessage(f"The {asked.role} sees {change:+.2f} % in 63 sessions at {numbers['close']}.")
