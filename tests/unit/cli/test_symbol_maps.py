"""Symbol map commands: names at a provider, and keys that are never shown."""

from __future__ import annotations

import pytest

from tests.unit.cli.command_line import Run


def test_a_provider_is_told_what_it_calls_a_symbol(run: Run) -> None:
    assert run("symbols", "list").out == "Every symbol goes by the providers' own rules\n"
    assert run("symbols", "set", "yahoo", "vod", "VOD.L").out == "VOD is VOD.L at yahoo\n"
    assert run("symbols", "list").out == "yahoo: VOD is VOD.L\n"
    assert run("symbols", "forget", "yahoo", "VOD").out == "VOD goes by its own name at yahoo again\n"
    gone = run("symbols", "forget", "yahoo", "VOD")
    assert (gone.code, gone.err) == (4, "yahoo has no name of its own for VOD\n")


def test_the_secret_of_a_price_provider_is_not_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BA2_ALPACA_SECRET", "not-for-anybody")
    listed = run("settings", "--json")
    assert "BA2_ALPACA_SECRET" in listed.out
    assert "not-for-anybody" not in listed.out
