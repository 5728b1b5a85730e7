"""Attempt notes: an expert's warnings, its facts, and the cost of its model calls, kept with the attempt."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.core.contracts.experts import AnalysisContext, ExpertError, Verdict
from ba2_trade_platform.vocabulary import ErrorCode
from tests.fakes.experts import Scripted, hold
from tests.platforms import drain
from tests.scripted_console import console, submit_to
from tests.sql import ask

UNPRICED = ("unpriced", 30, None)


class Talkative:
    """An expert that makes two model calls in its one step and fails its first attempt where asked to."""

    def __init__(self, *calls: tuple[str, int | None, Decimal | None], fails: bool = False) -> None:
        self.calls, self.fails = calls, fails
        self.expert = Scripted("Talkative", self.analyse)

    async def analyse(self, context: AnalysisContext) -> Verdict:
        """Note things before, in and after the step."""
        context.note({"models": {"cheap": ["small"]}, "prompts": {"bull": "a1"}})
        context.warn("The memory store did not answer")

        async def talk() -> str:
            for provider, tokens, cost in self.calls:
                context.charge(provider, tokens, cost)
            context.warn('A "quoted" warning')
            if self.fails:
                raise ExpertError(ErrorCode.AUTH, "The key is wrong")
            return "said"

        await context.step("Talk", talk)
        context.note({"absent": ["news"]})
        return hold()


def noted(folder: Path, expert: Talkative) -> tuple[Any, Any]:
    """Return (environment, warnings) of the attempt and (provider, tokens, cost) of its step, as stored."""
    with console(folder, expert.expert) as platform:
        analysis_id = submit_to(platform, "Talkative")
        drain(platform)
        file = platform.settings.data_dir / "ba2.db"
        ((environment, warnings),) = ask(
            file, f"SELECT environment, warnings FROM analysis_attempt WHERE analysis_id = {analysis_id}"
        )
        (step,) = ask(file, f"SELECT provider, tokens, cost FROM analysis_step WHERE analysis_id = {analysis_id}")
    return (json.loads(environment), json.loads(warnings)), step


def test_facts_join_what_the_claim_stamped_and_warnings_line_up(tmp_path: Path) -> None:
    (environment, warnings), _ = noted(tmp_path, Talkative(("cheap", 10, Decimal("0.01"))))
    assert environment["version"]
    assert environment["prices"]
    assert environment["models"] == {"cheap": ["small"]}
    assert environment["absent"] == ["news"]
    assert warnings == ["The memory store did not answer", 'A "quoted" warning']


@pytest.mark.parametrize("fails", [False, True])
def test_a_step_keeps_what_its_calls_took(tmp_path: Path, fails: bool) -> None:
    calls = (("cheap", 10, Decimal("0.01")), ("dear", 20, Decimal("0.02")))
    _, step = noted(tmp_path, Talkative(*calls, fails=fails))
    assert step == ("dear", 30, 30_000)


def test_a_sum_with_an_unknown_part_is_unknown(tmp_path: Path) -> None:
    _, step = noted(tmp_path, Talkative(("cheap", 10, Decimal("0.01")), UNPRICED))
    assert step == ("unpriced", 40, None)
