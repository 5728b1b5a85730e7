"""Re-runs from the command line: of one, of a part, of many; with archives, waiting retries and breakers."""

from __future__ import annotations

from pathlib import Path

import pytest

from ba2_trade_platform.vocabulary import ActorKind
from tests.platforms import drain, make_platform, practice, row, running, submit, wait_until
from tests.served import console
from tests.sql import change
from tests.unit.cli.command_line import Run


def test_a_rerun_beside_a_console_completes(tmp_path: Path, run: Run) -> None:
    with console(tmp_path) as platform:
        analysis = submit(platform, practice(platform, fail_with="RATE_LIMIT"))
        drain(platform)
        said = run("rerun", str(analysis), "--reason", "provider is back")
        assert (said.code, said.out) == (0, f"Analysis {analysis} queued for re-run (attempt 2, re-run 1/3)\n")
        drain(platform)
        shown = run("show", str(analysis), "--json").json
    assert (shown["analysis"]["status"], shown["recommendation"]["attempt"]) == ("completed", 2)
    assert [(one["trigger"], one["reason"]) for one in shown["attempts"]] == [
        ("rerun", "provider is back"), ("first", None),
    ]  # fmt: skip


def test_a_rerun_is_withdrawn_and_then_there_is_nothing_to_withdraw(run: Run, prepared: tuple[int, int]) -> None:
    _, failed = prepared
    run("rerun", str(failed))
    said = run("withdraw", str(failed), "--reason", "the wrong row")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        f"Re-run of analysis {failed} withdrawn: it stands failed as it was after attempt 1 (re-run 0/3)\n"
    )
    again = run("withdraw", str(failed))
    assert (again.code, "Only a re-run that no worker has claimed can be withdrawn" in again.err) == (5, True)


def test_a_switched_off_verb_has_its_own_exit_code(
    prepared: tuple[int, int], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BA2_RERUN_ENABLED", "0")
    said = run("rerun", str(prepared[1]))
    assert (said.code, said.err) == (6, "Re-runs are switched off (BA2_RERUN_ENABLED=0)\n")


def test_a_part_is_planned_and_rerun_and_a_warning_goes_to_the_error_stream(
    run: Run, prepared: tuple[int, int]
) -> None:
    _, failed = prepared
    planned = run("rerun", str(failed), "--mode", "resume", "--plan")
    assert planned.code == 0
    assert "1 of 2 steps kept, 1 done again" in planned.out
    assert "it did not complete" in planned.out
    assert "Permanent: fix first" in planned.out
    plan = run("rerun", str(failed), "--mode", "only", "--step", "2", "--plan", "--json").json
    done = run("rerun", str(failed), "--mode", "only", "--step", "2", "--plan-hash", plan["plan_hash"])
    assert f"Analysis {failed} queued for re-run (attempt 2, re-run 1/3, 1 step kept)" in done.out
    assert "Permanent: fix first" in done.err


def test_a_step_that_is_none_and_a_limit_that_is_reached_have_their_exit_codes(
    run: Run, prepared: tuple[int, int], tmp_path: Path
) -> None:
    _, failed = prepared
    unknown = run("rerun", str(failed), "--mode", "only", "--step", "9")
    assert (unknown.code, "has no step '9'" in unknown.err) == (5, True)
    change(tmp_path / "ba2.db", "UPDATE market_analysis SET reruns_used = 3")
    refused = run("rerun", str(failed))
    assert (refused.code, "re-run 4/3 needs an override with a reason" in refused.err) == (8, True)
    assert run("rerun", str(failed), "--override", "--reason", "the key is new").code == 0


def test_many_are_rerun_after_a_look_by_exactly_the_number_that_was_agreed_to(tmp_path: Path, run: Run) -> None:
    with console(tmp_path) as platform:
        expert = practice(platform, fail_with="AUTH", fail_times=1)
        for symbol in ("AAPL", "MSFT", "INTC"):
            submit(platform, expert, symbol)
        drain(platform)
        look = run("rerun-all", "--reason", "new key", "--code", "AUTH", "--preview")
        assert look.out.startswith("3 of 3 analyses will run again.\n  3 failed with AUTH: ")
        assert run("rerun-all", "--reason", "new key", "--number", "2").err == (
            "3 would run, not 2; nothing was done\n"
        )
        said = run("rerun-all", "--reason", "new key", "--number", "3", "--json")
        assert (said.code, said.json["will_run"]) == (0, 3)
        wait_until(platform, lambda: platform.batches.get(said.json["id"]).finished_at is not None)
        shown = run("bulk-reruns").out
        assert shown == (
            "Bulk re-run 1 (completed): 3 analyses, 3 succeeded  Re-run of 3 analyses, by trader: new key\n"
        )
        assert run("abort-bulk", "1").err == "Bulk re-run 1 has already ended: completed\n"
        assert run("rerun-all", "--reason", "new key", "--number", "0").code == 5


def test_old_archives_are_packed_away_after_a_look(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("pack-archives", "--yes").code == 6
    monkeypatch.setenv("BA2_ARCHIVE_DAYS", "1")
    with running(make_platform(tmp_path)) as platform:
        analysis_id = submit(platform, practice(platform, fail_with="AUTH", fail_times=1))
        drain(platform)
        platform.analyses.rerun(analysis_id, by=platform.actor(ActorKind.USER))
        drain(platform)
    assert run("pack-archives").out == ""
    change(tmp_path / "ba2.db", "UPDATE analysis_attempt SET finished_at = '2020-01-01 00:00:00.000000'")
    packed = run("pack-archives", "--yes", "--json").json
    assert (packed["attempts"], packed["more"]) == (1, False)
    assert Path(packed["file"]).parent == tmp_path / "archives"
    assert run("pack-archives", "--yes").code == 5


def test_a_waiting_retry_is_run_now_and_another_stopped(tmp_path: Path, run: Run) -> None:
    with console(tmp_path) as platform:
        hours = {"max_retries": 1, "retry_base_seconds": 80_000, "retry_cap_seconds": 80_000}
        desk = practice(platform, fail_with="CONNECTION", fail_times=1, **hours)
        first, second = (submit(platform, desk, symbol) for symbol in ("AAPL", "MSFT"))
        wait_until(platform, lambda: all(row(platform, found).retrying for found in (first, second)), "the retries")
        assert run("run-now", str(first)).out == f"Analysis {first} runs now (retry 1/1)\n"
        assert "is not retried any more" in run("stop-retrying", str(second)).out
        refused = run("stop-retrying", str(second))
        assert (refused.code, refused.err) == (
            5, f"Only what waits for its retry can stop retrying: analysis {second} is failed\n"
        )  # fmt: skip


def test_a_provider_is_held_back_and_let_go(tmp_path: Path, run: Run) -> None:
    with console(tmp_path):
        assert run("breakers").out == "No provider is held back.\n"
        said = run("hold-back", "azure/gpt 4", "--reason", "maintenance").out
        assert said == "Retries for azure/gpt 4 wait until it is let go\n"
        assert "maintenance" in run("breakers").out
        assert run("let-go", "azure/gpt 4", "--reason", "over").out == "Retries for azure/gpt 4 go again, 0 waited\n"
        assert run("let-go", "other", "--reason", "over").code == 4
