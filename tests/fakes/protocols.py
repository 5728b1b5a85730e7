"""Protocols: requests of Anthropic and Ollama in OpenAI's words, so that one set of rules answers them all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Message = dict[str, Any]


def in_openais_words(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return messages, tools, their choice and the wanted shape of any protocol's request as OpenAI has them."""
    messages = [said for message in body["messages"] for said in _messages(message)]
    if isinstance(body.get("system"), str):
        messages.insert(0, {"role": "system", "content": body["system"]})
    told: dict[str, Any] = {"messages": messages}
    if tools := [_tool(one) for one in body.get("tools") or ()]:
        told["tools"] = tools
        if (choice := _choice(body.get("tool_choice"), tools)) is not None:
            told["tool_choice"] = choice
    if isinstance(body.get("format"), Mapping):
        shape = {"name": "shape", "schema": body["format"]}
        told["response_format"] = {"type": "json_schema", "json_schema": shape}
    elif "response_format" in body:
        told["response_format"] = body["response_format"]
    return told


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if "function" in tool:
        return dict(tool)
    function = {"name": tool["name"], "description": tool.get("description", ""), "parameters": tool["input_schema"]}
    return {"type": "function", "function": function}


def _choice(choice: Any, tools: list[dict[str, Any]]) -> Any:
    """Return how a tool is forced; one that is named like a class is an answer, also where it is asked for in words."""
    if isinstance(choice, Mapping) and "name" in choice:
        return {"type": "function", "function": {"name": choice["name"]}}
    name = tools[0]["function"]["name"]
    if choice is None and len(tools) == 1 and name[:1].isupper():
        return {"type": "function", "function": {"name": name}}
    return "required" if choice == {"type": "any"} else choice


def _messages(message: Message) -> Iterator[Message]:
    content = message.get("content") or ""
    calls = [_call(at, call) for at, call in enumerate(message.get("tool_calls") or ())]
    if not isinstance(content, list):
        said = {**message, "content": content}
        yield {**said, "tool_calls": calls} if calls else _with_id(said)
        return
    text = "\n".join(block["text"] for block in content if block["type"] == "text")
    for block in content:
        if block["type"] == "tool_result":
            said = block["content"]
            words = said if isinstance(said, str) else "\n".join(one.get("text", "") for one in said)
            yield {"role": "tool", "tool_call_id": block["tool_use_id"], "content": words}
        elif block["type"] == "tool_use":
            call = {"id": block["id"], "function": {"name": block["name"], "arguments": block["input"]}}
            calls.append(_call(0, call))
    if text or calls:
        yield {"role": message["role"], "content": text} | ({"tool_calls": calls} if calls else {})


def _with_id(message: Message) -> Message:
    return {"tool_call_id": "call_0", **message} if message["role"] == "tool" else message


def _call(at: int, call: Mapping[str, Any]) -> dict[str, Any]:
    function = dict(call["function"])
    if not isinstance(function["arguments"], str):
        function["arguments"] = json.dumps(function["arguments"])
    return {"id": call.get("id") or f"call_{at}", "type": "function", "function": function}
