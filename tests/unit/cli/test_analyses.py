"""Analyses from the command line: submitted, listed, shown, cancelled and deleted."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from tests.platforms import drain, make_platform, practice, running, submit
from tests.served import console
from tests.unit.cli.command_line import Run


def test_without_a_console_an_analysis_waits_for_the_next_start(tmp_path: Path, run: Run) -> None:
    platform = make_platform(tmp_path)
    practice(platform, "Desk")
    platform.stop()
    said = run("submit", "desk", "aapl", "--as-of", "2014-12-31")
    assert (said.code, said.out) == (0, "Analysis 1 queued for expert Desk and symbol AAPL\n")
    assert said.err == "No console is running: it waits until one is started.\n"
    with running(make_platform(tmp_path)) as started:
        drain(started)
        (attempt,) = started.monitoring.details.attempts(1)
    assert (attempt.actor_kind, attempt.actor, attempt.outcome) == ("cli", "trader", "completed")


def test_beside_a_console_an_analysis_is_done_by_it(tmp_path: Path, run: Run) -> None:
    with console(tmp_path) as platform:
        practice(platform, "Desk")
        said = run("submit", "1", "AAPL", "MSFT", "--json")
        assert (said.code, said.err) == (0, "")
        assert (said.json["queued"], said.json["blocked"]) == (2, 0)
        drain(platform)
        listed = run("list", "--json").json["items"]
    assert [(row["symbol"], row["status"]) for row in listed] == [("MSFT", "completed"), ("AAPL", "completed")]


def test_the_list_is_filtered_and_paged_with_times_in_the_desks_zone(prepared: tuple[int, int], run: Run) -> None:
    _, failed = prepared
    table = run("list").out
    assert "AUTH" in table
    assert "JST" in table
    assert [row["id"] for row in run("list", "--status", "failed", "--json").json["items"]] == [failed]
    assert [row["expert"] for row in run("list", "--expert", "completes", "--json").json["items"]] == ["Completes"]
    assert run("list", "--symbol", "GPS").out.endswith("`seed-demo` loads the demo desk.\n")
    first = run("list", "--limit", "1", "--json").json
    second = run("list", "--limit", "1", "--cursor", first["next_cursor"], "--json").json
    assert [row["id"] for row in first["items"] + second["items"]] == sorted(prepared, reverse=True)


def test_one_analysis_is_shown_with_all_that_hangs_on_it(prepared: tuple[int, int], run: Run) -> None:
    completed, failed = prepared
    assert all(
        word in run("show", str(completed)).out for word in ("completed", "Attempts", "Steps", "Outputs", "first")
    )
    assert "AUTH" in run("show", str(failed)).out
    shown = run("show", str(failed), "--json").json
    assert (shown["analysis"]["error_code"], len(shown["outputs"]), shown["recommendation"]) == ("AUTH", 3, None)


def test_an_analysis_is_cancelled_and_deleted(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = make_platform(tmp_path)
    submit(platform, practice(platform))
    platform.stop()
    assert run("cancel", "1").out == "Analysis 1 cancelled\n"
    assert run("cancel", "1").code == 5
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert run("delete", "1").code == 1
    assert run("show", "1").code == 0
    assert run("delete", "1", "--yes").out == "Analysis 1 deleted\n"
    assert run("show", "1").code == 4


def test_the_queue_is_paused_and_goes_on(tmp_path: Path, run: Run) -> None:
    paused = run("pause", "--reason", "maintenance", "--json").json
    assert (paused["paused"], paused["reason"], paused["actor"]) == (True, "maintenance", "trader")
    assert run("resume").out == "The queue goes on\n"
