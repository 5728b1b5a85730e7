"""Headers of model calls: a dialect's own, and none of the environment's to another address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.vocabulary import ProviderKind
from tests.fakes.model_server import ModelServer, model_server
from tests.flow.llm.model_desk import KEY, ModelDesk, model_desk, say

OPENAI, ANTHROPIC, OLLAMA = ProviderKind.OPENAI, ProviderKind.ANTHROPIC, ProviderKind.OLLAMA


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ModelDesk]:
    """The services that model calls need."""
    with model_desk(tmp_path) as desk:
        yield desk


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A provider that answers."""
    with model_server() as server:
        yield server


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
