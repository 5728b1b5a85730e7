"""Odd bodies: an answer in another alphabet, packing or shape is its server's failure, and told as such."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import ErrorCode, ProviderKind
from tests.fakes.model_server import ModelServer, Reply
from tests.flow.llm.model_desk import ModelDesk, say

KINDS = {ProviderKind.OPENAI: "/v1", ProviderKind.ANTHROPIC: "", ProviderKind.OLLAMA: ""}
JSON, EVENTS = "application/json", "text/event-stream"
EMPTY = json.dumps({"error": {"message": "余额不足"}}, ensure_ascii=False)
PACKED = (("content-encoding", "gzip"),)
PERMISSION, DOWN, BAD_REQUEST = ErrorCode.PERMISSION, ErrorCode.PROVIDER_DOWN, ErrorCode.BAD_REQUEST
ODD = {
    "gbk": (Reply(status=400, raw=(JSON, EMPTY.encode("gbk"))), PERMISSION, "余额不足"),
    "utf-16": (Reply(status=400, raw=(JSON, EMPTY.encode("utf-16"))), PERMISSION, "余额不足"),
    "gbk with 200": (Reply(raw=(JSON, EMPTY.encode("gbk"))), PERMISSION, "余额不足"),
    "cut utf-8": (Reply(status=400, raw=(JSON, "Grund: für".encode()[:-2])), BAD_REQUEST, "Grund: f"),
    "no gzip": (Reply(headers=PACKED, raw=(EVENTS, b"plain")), DOWN, "not packed as it says"),
    "no gzip, whole": (Reply(headers=PACKED, raw=(JSON, b"plain")), DOWN, "not packed as it says"),
    "without end": (Reply(status=400, raw=(JSON, '{"error":' * 3000 + "1" + "}" * 3000)), BAD_REQUEST, "refused"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("odd", ODD)
async def test_an_odd_body_is_the_failure_of_its_server(
    desk: ModelDesk, server: ModelServer, odd: str, kind: ProviderKind
) -> None:
    reply, code, words = ODD[odd]
    server.will(reply)
    desk.add("local", f"{server.url}{KINDS[kind]}", kind)
    with pytest.raises(ExpertError, match=words) as failed:
        await say(desk.attempt("local"))
    assert failed.value.code is code


@pytest.mark.parametrize(("status", "cost"), [(503, Decimal(0)), (504, None), (524, None), (408, None)])
async def test_what_a_call_cost_that_a_proxy_gave_up_is_not_known(
    desk: ModelDesk, server: ModelServer, status: int, cost: Decimal | None
) -> None:
    server.will(Reply(status=status, raw=("text/html", "<html><title>Gateway</title></html>")))
    desk.add("local", f"{server.url}/v1")
    with pytest.raises(ExpertError):
        await say(desk.attempt("local"))
    assert desk.calls()[0].cost == cost


@pytest.mark.parametrize("index", ['"0"', "0", "null"])
async def test_a_choice_is_found_however_it_is_numbered(desk: ModelDesk, server: ModelServer, index: str) -> None:
    said = f'data: {{"choices":[{{"index":{index},"delta":{{"content":"Flat"}},"finish_reason":"stop"}}]}}\n\n'
    server.will(Reply(wire=(said.encode(),)))
    desk.add("local", f"{server.url}/v1")
    assert await say(desk.attempt("local")) == "Flat"


async def test_a_call_of_nothing_with_nothing_is_no_call(desk: ModelDesk, server: ModelServer) -> None:
    choice = {"index": 0, "delta": {"tool_calls": [{"id": 5, "function": "x"}]}, "finish_reason": "tool_calls"}
    server.will(Reply(wire=(f"data: {json.dumps({'choices': [choice]})}\n\n".encode(),)))
    desk.add("local", f"{server.url}/v1")
    with pytest.raises(ExpertError, match="calls a tool, and sent no call"):
        await say(desk.attempt("local"))
