"""Trial command: a sentence with the recommendation of an expert, and an exit code for its failure."""

from __future__ import annotations

import json
from pathlib import Path

from tests.platforms import make_platform, practice
from tests.unit.cli.command_line import Run


def test_a_shipped_and_a_configured_expert_are_tried(run: Run, tmp_path: Path) -> None:
    said = run("try", "practicedesk", "aapl", "--settings", '{"action": "BUY"}')
    assert said.out == "A trial: not kept, never traded. PracticeDesk on AAPL: BUY, confidence 60\n"
    platform = make_platform(tmp_path)
    practice(platform, "Careful", action="SELL", confidence=55)
    platform.stop()
    assert "PracticeDesk on AAPL: SELL, confidence 55" in run("try", "Careful", "AAPL").out
    told = json.loads(run("try", "careful", "AAPL", "--settings", '{"confidence": 90}', "--json").out)
    assert (told["outcome"], told["verdict"]["confidence"]) == ("completed", 90)
    assert run("list").out.count("AAPL") == 0


def test_a_failure_is_said_and_is_an_exit_code(run: Run) -> None:
    said = run("try", "PracticeDesk", "AAPL", "--settings", '{"fail_with": "AUTH", "fail_times": -1}')
    assert said.code == 5
    assert "PracticeDesk on AAPL failed: AUTH" in said.out
    assert said.err == "The trial was not completed: AUTH\n"


def test_bad_input_is_refused_before_anything_is_tried(run: Run) -> None:
    assert run("try", "PracticeDesk", "AAPL", "--settings", "{").err.startswith("--settings is no JSON: ")
    assert "is an object of JSON" in run("try", "PracticeDesk", "AAPL", "--settings", "[1]").err
    assert run("try", "Nobody", "AAPL").err.startswith("There is no expert Nobody")
    assert "steps: Input should be" in run("try", "PracticeDesk", "AAPL", "--settings", '{"steps": 99}').err


def test_models_are_listed(run: Run) -> None:
    said = run("providers", "models", "anthropic")
    assert (said.code, "anthropic:claude-haiku-4-5" in said.out, "200,000" in said.out) == (0, True, True)
    assert "gpt" not in said.out
    assert "openai:gpt-5-mini" in run("providers", "models").out
    assert run("providers", "models", "nowhere").err == "There is no model provider nowhere\n"
