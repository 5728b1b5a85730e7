"""Model commands: a key comes by standard input and is not printed, and a connection is tested."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ba2_trade_platform.core.contracts.dialects import Adaptation
from ba2_trade_platform.vocabulary import ProviderKind
from tests.fakes.model_server import Reply, model_server
from tests.fakes.obliging import obliging
from tests.platforms import TRADER, make_platform
from tests.unit.cli.command_line import Run

SEEN = Adaptation("token_field", "max_completion_tokens", "unknown field", datetime(2026, 1, 5, tzinfo=UTC))


def test_a_key_comes_by_standard_input_and_is_not_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("sk-live-abcdefghijklmnop\n"))
    assert run("providers", "key", "openai").out == "openai: key stored\n"
    listed = run("providers", "list")
    assert "stored" in listed.out
    assert "sk-live" not in listed.out
    removed = run("providers", "key", "openai", "--remove")
    assert removed.out == "openai: no API key: enter one on Providers, or set OPENAI_API_KEY\n"


def test_a_connection_is_tested(run: Run, tmp_path: Path) -> None:
    with model_server() as server:
        server.answers = obliging
        platform = make_platform(tmp_path)
        given = {"quick_model": "small", "deep_model": "large", "base_url": f"{server.url}/v1"}
        platform.models.providers.create("local", ProviderKind.OPENAI, by=TRADER, **given)
        platform.models.providers.adapt("local", "large", SEEN)
        platform.stop()
        said = run("providers", "test", "local", "--store")
        assert (said.code, "local works: text, tool call, structured answer, cancel in " in said.out) == (0, True)
        assert "those tested refused it otherwise. Stored." in " ".join(said.out.split())
        changed = run("providers", "dialect", "local", "--json").json["dialect_changes"]
        assert changed == {"token_field": "max_completion_tokens"}
        server.answers = lambda _: Reply(status=500, error="Oh no")
        said = run("providers", "test", "local")
        assert (said.code, said.err) == (5, "local does not serve: Oh no\n")


def test_a_dialect_is_shown_set_and_its_adaptations_forgotten(run: Run, tmp_path: Path) -> None:
    assert "speaks OpenAI (openai, the usual one" in run("providers", "dialect", "openai").out
    said = run("providers", "dialect", "openai", "openai", "--set", "usage=unasked", "--set", "tools=false")
    assert (said.code, "openai, chosen" in said.out) == (0, True)
    changed = run("providers", "dialect", "openai", "--set", "tools=", "--json").json
    assert changed["dialect_changes"] == {"usage": "unasked"}
    assert run("providers", "dialect", "openai", "usual", "--json").json["dialect_chosen"] is False
    assert run("providers", "dialect", "openai", "--set", "tools").code == 2
    platform = make_platform(tmp_path)
    seen = Adaptation("temperature", False, "openai refused the request", platform.store.clock.now())
    platform.models.providers.adapt("openai", "gpt-5", seen)
    platform.stop()
    assert "openai, changed" in run("providers", "list").out
    assert "temperature" in run("providers", "dialect", "openai").out
    assert run("providers", "forget", "openai", "--model", "gpt-5").out == (
        "openai is asked as its dialect says again: gpt-5\n"
    )
