"""The command line, without a console and beside one that holds the database."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from ba2_trade_platform.api.register import create_api
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.cli.commands import main
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import ActorKind
from tests.platforms import drain, make_platform, practice, row, running, submit, wait_until
from tests.sql import change


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed for a script."""
        return json.loads(self.out)


Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command in this test's own folder; no demo."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"BA2_{name.upper()}", raising=False)
    for name, value in {"DATA_DIR": str(tmp_path), "DEMO": "0", "OPERATOR": "trader", "TIMEZONE": "Asia/Tokyo"}.items():
        monkeypatch.setenv(f"BA2_{name}", value)

    def command(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        printed = capsys.readouterr()
        return Said(int(left.value.code or 0), printed.out, printed.err)

    return command


@pytest.fixture
def prepared(tmp_path: Path, run: Run) -> tuple[int, int]:
    """A database that no console holds, with a completed and a failed analysis; returns their ids."""
    with running(make_platform(tmp_path)) as platform:
        completed = submit(platform, practice(platform, "Completes"))
        failed = submit(platform, practice(platform, "Fails", fail_with="AUTH"), "MSFT")
        drain(platform)
    return completed, failed


@contextmanager
def console(folder: Path) -> Iterator[Platform]:
    """A console at work that answers over HTTP."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        platform = make_platform(folder, port=listener.getsockname()[1])
        server = uvicorn.Server(uvicorn.Config(create_api(platform), log_config=None))
        listening = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        with running(platform):
            listening.start()
            wait_until(platform, lambda: server.started, "listening")
            try:
                yield platform
            finally:
                server.should_exit = True
                listening.join()


def test_help_names_every_verb_and_the_exit_codes(run: Run) -> None:
    said = run("--help")
    verbs = "serve submit rerun cancel delete list show pause resume seed-demo migrate settings"
    assert all(f" {verb} " in said.out for verb in verbs.split())
    meanings = " ".join(said.out.split())
    assert "2 bad input or a wrong setting; 3 cannot start; 4 not found; 5 refused as things stand" in meanings


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


def test_a_refusal_is_its_sentence_and_exit_code(prepared: tuple[int, int], run: Run) -> None:
    completed, _ = prepared
    refused = run("rerun", str(completed))
    assert (refused.code, refused.out) == (5, "")
    assert refused.err == f"Can only re-run failed analyses: analysis {completed} is completed\n"
    assert run("rerun", "99").code == 4
    assert run("rerun", "99").err == "Analysis not found\n"
    assert run("submit", "Nobody", "AAPL").err == "There is no expert Nobody; there are: Completes (1), Fails (2)\n"
    assert run("submit", "Nobody", "AAPL").code == 4
    assert run("submit", "Fails", "A B").code == 2
    assert run("submit", "Fails", "A", "B", "--priority", "3").code == 2
    assert run("list", "--limit", "0").err == "The limit must be between 1 and 500, not 0\n"
    assert run("show", "x").code == 2
    assert run("list", "--status", "lost").code == 2
    assert "'pending', 'running', 'completed', 'failed'" in run("list", "--status", "lost").err
    assert run("submit", "Fails", "A", "--subtype", "both").code == 2


def test_a_switched_off_verb_has_its_own_exit_code(
    prepared: tuple[int, int], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BA2_RERUN_ENABLED", "0")
    said = run("rerun", str(prepared[1]))
    assert (said.code, said.err) == (6, "Re-runs are switched off (BA2_RERUN_ENABLED=0)\n")


def test_a_wrong_setting_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BA2_WORKERS", "0")
    said = run("list")
    assert (said.code, said.err) == (2, "BA2_WORKERS is '0': Input should be greater than or equal to 1\n")


def test_a_holder_that_does_not_answer_is_named(tmp_path: Path, run: Run) -> None:
    platform = make_platform(tmp_path, port=9)  # nobody listens there
    said = run("list")
    platform.stop()
    assert said.code == 7
    assert "http://127.0.0.1:9) already works on" in said.err
    assert said.err.endswith("; it does not answer\n")


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


def test_the_demo_desk_is_seeded_once(run: Run) -> None:
    said = run("seed-demo", "--json")
    assert said.code == 0
    assert said.json["queued"] == len(run("list", "--json").json["items"])
    assert (run("seed-demo").code, run("seed-demo").err) == (5, "The demo desk is already loaded\n")


def test_a_database_is_migrated_once_and_not_under_a_console(tmp_path: Path, run: Run) -> None:
    first, again = run("migrate", "--json"), run("migrate")
    assert (first.code, first.json["before"]) == (0, None)
    assert again.out == f"The database has schema {first.json['after']}\n"
    platform = make_platform(tmp_path)
    refused = run("migrate")
    platform.stop()
    assert refused.code == 3
    assert "Another console (process " in refused.err


def test_settings_are_listed_with_values_origins_and_meaning(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("BA2_WORKERS=3\n")
    Path("ba2.toml").write_text("stop_seconds = 7\n")
    monkeypatch.setenv("BA2_PORT", "9999")
    listed = {one["name"]: one for one in run("settings", "--json").json["items"]}
    assert set(listed) == {f"BA2_{name.upper()}" for name in Settings.model_fields}
    origins = {name: (listed[name]["value"], listed[name]["from"]) for name in
               ("BA2_PORT", "BA2_WORKERS", "BA2_STOP_SECONDS", "BA2_HOST")}  # fmt: skip
    assert origins == {
        "BA2_PORT": (9999, "environment"), "BA2_WORKERS": (3, ".env"),
        "BA2_STOP_SECONDS": (7.0, "ba2.toml"), "BA2_HOST": ("127.0.0.1", "default"),
    }  # fmt: skip
    assert listed["BA2_HOST"]["description"] in run("settings").out


def test_help_imports_neither_pages_nor_database() -> None:
    script = "import sys, ba2_trade_platform.cli.commands; print([n for n in %r if n in sys.modules])"
    heavy = ["nicegui", "fastapi", "sqlalchemy", "httpx", "numpy"]
    answer = subprocess.run([sys.executable, "-c", script % heavy], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


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
    assert (unknown.code, "has no step '9'" in unknown.err) == (2, True)
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
        wait_until(platform, lambda: platform.bulk_reruns.get(said.json["id"]).finished_at is not None)
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


def test_research_tells_what_can_be_used_and_which_lines_cannot(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "news.csv").write_text("published_at,symbol,headline\n2014-12-30T00:00:00Z,AAPL,one\nnow,AAPL,two\n")
    monkeypatch.setenv("BA2_RESEARCH_DIR", str(tmp_path))
    said = run("research")
    assert said.code == 0
    assert "news.csv, line 3: published_at 'now' is not an instant (2014-12-31T21:00:00Z)" in said.out
    assert run("research", "--json").json["files"][0]["items"] == 1
