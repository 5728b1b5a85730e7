"""Model commands: a key comes by standard input and is not printed, and a connection is tested."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.fakes.model_server import Reply, model_server
from tests.platforms import TRADER, make_platform
from tests.unit.cli.command_line import Run


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
        server.will(Reply("ready"), Reply(status=500, error="Oh no"))
        platform = make_platform(tmp_path)
        platform.models.providers.change("ollama", by=TRADER, base_url=server.url)
        platform.stop()
        said = run("providers", "test", "ollama")
        assert (said.code, said.out.startswith("ollama answered with llama3.2 in ")) == (0, True)
        said = run("providers", "test", "ollama")
        assert (said.code, said.err) == (5, "ollama does not serve: Oh no\n")
