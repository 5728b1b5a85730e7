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
    seen = run("watchlists", "import", str(file), "--preview")
    assert seen.out == "1 to be added\n"
    assert "Read as windows-1252, which is assumed. Line 1 names the columns, parted by semicolons" in seen.err
    assert "--encoding windows-1251 would read GrцЯe" in seen.err
    refused = run("watchlists", "import", str(file))
    assert (refused.code, "choose its encoding" in refused.err) == (5, True)
    assert run("watchlists", "import", str(file), "--encoding", "windows-1252").out == "1 added\n"
    assert run("watchlists", "import", str(file), "--encoding", "latin-1").code == 2
    assert "Größe" in run("watchlists", "list").out
    assert run("watchlists", "list", "größe").out == "GPS\n"
    assert run("watchlists", "export", "Mine").out == '\ufeff"watchlist","symbol"\r\n"Mine","AAPL"\r\n'
    assert run("watchlists", "list", "Nope").code == 4
    assert run("watchlists", "add", "Mine", "MSFT", "C").out.startswith("1 added, 1 unknown")


def test_a_column_and_what_is_doubtful_are_chosen(run: Run, tmp_path: Path) -> None:
    run("watchlists", "add", "Mine", "AAPL")
    file = tmp_path / "broker.csv"
    file.write_text("Code,Name\nMSFT,Microsoft\nUSD,\n")
    asked = run("watchlists", "import", str(file), "--into", "Mine")
    assert (asked.code, "line 1 has Code, Name: choose which of them" in asked.err) == (5, True)
    seen = run("watchlists", "import", str(file), "--into", "Mine", "--column", "code")
    assert seen.out == "1 added, 1 to be decided by you\n"
    assert "line 3: USD: USD may be a word of the file and no symbol" in seen.err
    again = run("watchlists", "import", str(file), "--into", "Mine", "--column", "1", "--doubtful", "--unknown")
    assert again.out == "1 added, 1 there already\n"


def test_instruments_are_added_found_imported_and_exported(run: Run, tmp_path: Path) -> None:
    assert run("instruments", "add", "btc/usd", "--name", "Bitcoin", "--label", "crypto").out == "BTC/USD added\n"
    assert "Bitcoin" in run("instruments", "list", "coin", "--label", "crypto").out
    file = tmp_path / "instruments.csv"
    file.write_text(run("instruments", "export").out)
    assert run("instruments", "import", str(file)).out == "1 there already\n"
    missing = run("instruments", "import", str(tmp_path / "missing.csv"))
    assert (missing.code, "cannot be read: No such file" in missing.err) == (2, True)
