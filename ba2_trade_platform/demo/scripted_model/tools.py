"""Tool binding: reads a call's tools and response format, and picks the one tool an analyst calls."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ba2_trade_platform.demo.scripted_model.answers import Answer
from ba2_trade_platform.demo.scripted_model.facts import ANALYSTS, Facts, text_of
from ba2_trade_platform.demo.scripted_model.signals import Opinion

Schema = Mapping[str, Any]
_LOOKS = {
    "technical": "price|bar|indicator|history|chart",
    "fundamentals": "figure|fundamental|dividend|report",
    "news": "news|article|headline",
    "sentiment": "post|sentiment|social|news",
}
_FORCED = ("any", "required", True)
_MODEST = 30  # what a look asks for where the tool sets neither a default nor a bound: days, bars, items


@dataclass(frozen=True)
class AnswerRequest:
    """What a call binds: tools to look with, and the schema that the answer must have, by its tool's name if any."""

    tools: Sequence[Schema] = ()
    answer_tool: str | None = None
    schema: Schema | None = None


def request_of(options: Mapping[str, Any], messages: Sequence[Any]) -> AnswerRequest:
    """Read the tools, the tool choice and the response format of a call, as OpenAI writes them.

    A request for JSON alone has its schema in the words of the last message, if anywhere.
    """
    tools = [tool.get("function", tool) for tool in options.get("tools") or () if isinstance(tool, dict)]
    choice = options.get("tool_choice")
    named = choice.get("function", {}).get("name") if isinstance(choice, dict) else choice
    for tool in tools:
        # A schema is a class and is named like one; what only looks something up is named like a function.
        is_answer = tool["name"] == named or (choice in _FORCED and (len(tools) == 1 or tool["name"][:1].isupper()))
        if is_answer:
            others = [other for other in tools if other is not tool]
            return AnswerRequest(others, tool["name"], tool.get("parameters") or {})
    wanted = options.get("response_format") or (options.get("extra_body") or {}).get("response_format") or {}
    if isinstance(wanted, dict) and wanted.get("type") == "json_schema":
        return AnswerRequest(tools, None, wanted["json_schema"].get("schema") or {})
    if isinstance(wanted, dict) and wanted.get("type") == "json_object":
        return AnswerRequest(tools, None, _told(messages) or DECISION)
    return AnswerRequest(tools)


def _told(messages: Sequence[Any]) -> Schema | None:
    for line in text_of(messages[-1]).splitlines() if messages else ():
        if line.startswith("{"):
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if isinstance(told, dict) and "properties" in told:
                return told
    return None


def look(request: AnswerRequest, facts: Facts, opinion: Opinion, messages: Sequence[Any]) -> dict[str, Any] | None:
    """Return the one call of a tool that an analyst makes before it writes, None when it has looked or has no tool."""
    asked = max((at for at, message in enumerate(messages) if message.type == "human"), default=-1)
    looked = any(message.type == "tool" for message in messages[asked + 1 :])
    if not request.tools or looked or facts.role not in ANALYSTS:
        return None
    fitting = (tool for tool in request.tools if re.search(_LOOKS[facts.role], tool["name"]))
    tool = next(fitting, request.tools[0])
    return {"name": tool["name"], "args": _arguments(tool.get("parameters") or {}, facts, opinion)}


def _arguments(parameters: Schema, facts: Facts, opinion: Opinion) -> dict[str, Any]:
    wanted: Mapping[str, Schema] = parameters.get("properties") or {}
    required = parameters.get("required") or ()
    filled = Answer(facts, opinion, {**parameters, "properties": {name: wanted[name] for name in required}}).fill()
    for name in required:
        if wanted[name].get("type") == "integer" and "default" not in wanted[name]:
            least, most = wanted[name].get("minimum", 1), wanted[name].get("maximum", _MODEST)
            filled[name] = max(least, min(most, _MODEST))
    return filled


# What is answered to a request for JSON that brings no schema along: the fields of a decision.
DECISION: Schema = {
    "type": "object",
    "properties": {
        "action": {"enum": ["BUY", "SELL", "HOLD", "REVIEW"]},
        "confidence": {"type": "integer", "minimum": 1, "maximum": 100},
        "expected_profit_percent": {"type": "number"},
        "target_price": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "stop_price": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "horizon": {"enum": ["short_term", "medium_term", "long_term"]},
        "risk": {"enum": ["low", "medium", "high"]},
        "reasons": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"reason": {"type": "string"}, "evidence": {"type": "string"}},
            },
        },
    },
}
