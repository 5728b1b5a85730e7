"""Watchlist commands: watchlists and their instruments."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.command_line import Run


def test_watchlists_are_filled_imported_and_exported(run: Run, tmp_path: Path) -> None:
    assert "No watchlist." in run("watchlists", "list").out
    done = run("watchlists", "add", "Mine", "AAPL", "ZZZZ")
    assert done.out == "1 added, 1 unknown to the price provider and left out\n"
    assert "line 1: ZZZZ: Unknown symbol ZZZZ" in done.err
    file = tmp_path / "lists.csv"
    file.write_bytes("symbol;watchlist\nGPS;Größe\n".encode("cp1252"))
    assert run("watchlists", "import", str(file), "--preview").out == "1 to be added\n"
    assert run("watchlists", "import", str(file)).out == "1 added\n"
    assert "Größe" in run("watchlists", "list").out
    assert run("watchlists", "list", "größe").out == "GPS\n"
    assert run("watchlists", "export", "Mine").out == '\ufeff"watchlist","symbol"\r\n"Mine","AAPL"\r\n'
    assert run("watchlists", "list", "Nope").code == 4


def test_instruments_are_added_found_imported_and_exported(run: Run, tmp_path: Path) -> None:
    assert run("instruments", "add", "btc/usd", "--name", "Bitcoin", "--label", "crypto").out == "BTC/USD added\n"
    assert "Bitcoin" in run("instruments", "list", "coin", "--label", "crypto").out
    file = tmp_path / "instruments.csv"
    file.write_text(run("instruments", "export").out)
    assert run("instruments", "import", str(file)).out == "1 there already\n"
    missing = run("instruments", "import", str(tmp_path / "missing.csv"))
    assert (missing.code, "cannot be read: No such file" in missing.err) == (2, True)
