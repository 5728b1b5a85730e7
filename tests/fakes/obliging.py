"""Obliging answers: a model server that does all that a connection test asks of it."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.model_server import NEVER, Asked, Reply

OPINION = {"action": "HOLD", "confidence": 60, "reason": "It stands still."}


def obliging(asked: Asked) -> Reply:
    """Answer as a good model would; counting takes for ever, so that it can be cancelled."""
    messages: list[dict[str, Any]] = asked.body["messages"]
    last = messages[-1]
    if last["role"] == "tool":
        return Reply(f"It closed at {last['content']}.")
    tools = [tool["function"]["name"] for tool in asked.body.get("tools", ())]
    if "LastClose" in tools:
        return Reply(call=("LastClose", '{"symbol": "AAPL"}'))
    if "Opinion" in tools:
        return Reply(call=("Opinion", json.dumps(OPINION)))
    if "Count from 1" in str(last["content"]):
        return Reply(seconds=NEVER)
    return Reply(json.dumps(OPINION)) if "response_format" in asked.body or "format" in asked.body else Reply("ready")
