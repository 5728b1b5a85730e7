"""Requests of model calls: each field and header of a dialect, and none of the environment's to another address."""

from __future__ import annotations

from typing import Any

import pytest

from ba2_trade_platform.vocabulary import ProviderKind
from tests.fakes.model_server import ModelServer
from tests.flow.llm.model_desk import KEY, ModelDesk, say
from tests.flow.llm.test_dialects import planned
from tests.flow.llm.test_structured_answers import plan

OPENAI, ANTHROPIC, OLLAMA = ProviderKind.OPENAI, ProviderKind.ANTHROPIC, ProviderKind.OLLAMA


async def test_headers_are_sent_with_the_key_in_its_place_and_never_logged(
    desk: ModelDesk, server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for name, kind in (("local", OPENAI), ("claude", ANTHROPIC), ("llama", OLLAMA)):
        url = f"{server.url}/v1" if kind is OPENAI else server.url
        desk.add(name, url, kind, dialect_changes={"headers": {"X-Desk": "seven", "X-Key": "is {key}"}})
        await say(desk.attempt(name))
        assert (server.asked[-1].headers["x-desk"], server.asked[-1].headers["x-key"]) == ("seven", f"is {KEY}")
    assert KEY not in caplog.text


OUTSIDE = "sk-of-the-environment-0123456789"


@pytest.mark.parametrize("kind", [OPENAI, ANTHROPIC, OLLAMA])
async def test_the_environments_keys_go_to_no_other_address(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_ORGANIZATION", "OPENAI_PROJECT_ID", "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN", "OLLAMA_API_KEY",
    ):  # fmt: skip
        monkeypatch.setenv(name, OUTSIDE)
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"X-Outside: {OUTSIDE}")
    desk.add("some", f"{server.url}/v1" if kind is OPENAI else server.url, kind, key=None)
    await say(desk.attempt("some"))
    assert OUTSIDE not in str(dict(server.asked[0].headers))


SENT: list[tuple[str, Any, Any]] = [
    ("token_field", "max_completion_tokens", lambda body: "max_completion_tokens" in body and "max_tokens" not in body),
    ("usage", "unasked", lambda body: "stream_options" not in body),
    ("usage", "each", lambda body: body["stream_options"]["include_usage"]),
    ("tool_choice", "auto", lambda body: "tool_choice" not in body),
    ("tool_choice", "required", lambda body: body["tool_choice"] == "required"),
    ("tool_choice", "named", lambda body: body["tool_choice"]["function"]["name"] == "Plan"),
    ("structured", "json_schema", lambda body: body["response_format"]["type"] == "json_schema"),
    ("structured", "json_mode", lambda body: body["response_format"]["type"] == "json_object"),
    ("structured", "prompt", lambda body: "response_format" not in body and "tools" not in body),
    ("tools", False, lambda body: "tools" not in body and body["response_format"]["type"] == "json_schema"),
    ("temperature", False, lambda body: "temperature" not in body),
]


@pytest.mark.parametrize(("field", "value", "holds"), SENT, ids=[f"{row[0]}-{row[1]}" for row in SENT])
async def test_each_field_of_a_dialect_is_sent(
    desk: ModelDesk, server: ModelServer, field: str, value: Any, holds: Any
) -> None:
    desk.add("local", f"{server.url}/v1", dialect_changes={field: value})
    server.answers = planned
    await plan(desk.attempt("local", temperature=0.2))
    assert holds(server.asked[0].body)
