"""The command line's manners: help, exit codes, one sentence a refusal, settings, and imports it does without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ba2_trade_platform.settings import Settings
from tests.platforms import make_platform
from tests.unit.cli.command_line import Run


def test_help_names_every_verb_and_the_exit_codes(run: Run) -> None:
    said = run("--help")
    verbs = "serve submit rerun cancel delete list show pause resume seed-demo migrate settings"
    assert all(f" {verb} " in said.out for verb in verbs.split())
    meanings = " ".join(said.out.split())
    assert "2 bad input or a wrong setting; 3 cannot start; 4 not found; 5 refused as things stand" in meanings


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


def test_research_tells_what_can_be_used_and_which_lines_cannot(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "news.csv").write_text("published_at,symbol,headline\n2014-12-30T00:00:00Z,AAPL,one\nnow,AAPL,two\n")
    monkeypatch.setenv("BA2_RESEARCH_DIR", str(tmp_path))
    said = run("research")
    assert said.code == 0
    assert "news.csv, line 3: published_at 'now' is not an instant (2014-12-31T21:00:00Z)" in said.out
    assert run("research", "--json").json["files"][0]["items"] == 1
