"""Trials: an expert works with settings that are not saved, its calls are paid and counted, and nothing of it stays."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.errors import Impossible, Invalid, NotFound, Refused, TooMany, Unavailable
from ba2_trade_platform.core.contracts.experts import AnalysisContext, Verdict
from ba2_trade_platform.core.worker.trials import MOST_AT_ONCE, Trial
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ErrorCode, Outcome, Signal
from tests.fakes.experts import Catalog, Scripted
from tests.fakes.model_server import Reply
from tests.flow.experts.debate_lab import DebateLab, debate_lab
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER, make_platform, practice, wait_until

SETTINGS = {"providers": ["lab"], "call_retries": 0, "sentiment_analyst": False}


def ended(platform: Platform, trial: Trial) -> Trial:
    """Return the trial once it has ended."""
    wait_until(platform, lambda: platform.trials.get(trial.id).outcome is not None, "the trial to end")
    return platform.trials.get(trial.id)


def tried(platform: Platform, symbol: str = "AAPL", expert: str = "PracticeDesk", **settings: Any) -> Trial:
    """Try an expert to its end."""
    return ended(platform, platform.trials.start(expert, settings, symbol, by=TRADER))


def rows(platform: Platform) -> dict[str, int]:
    """Count what a trial must leave nothing in."""
    tables = (
        t.analysis,
        t.attempt,
        t.step,
        t.output,
        t.recommendation,
        t.failure_group,
        t.expert_config,
        t.activity_log,
    )
    with platform.store.read() as session:
        return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[DebateLab]:
    """A console with the debate desk and the servers that it asks."""
    with debate_lab(tmp_path) as lab:
        yield lab


def test_a_trial_recommends_and_leaves_nothing_behind(platform: Platform) -> None:
    before = rows(platform)
    trial = tried(platform, "msft", steps=3, action="BUY", confidence=61)
    assert trial.outcome is Outcome.COMPLETED
    assert trial.verdict is not None
    assert (trial.symbol, trial.verdict.action, trial.verdict.confidence) == ("MSFT", Signal.BUY, 61)
    assert trial.sentence == "A trial: not kept, never traded. PracticeDesk on MSFT: BUY, confidence 61"
    assert rows(platform) == before


def test_a_failure_is_told_with_its_code_and_no_group_hears_of_it(platform: Platform) -> None:
    before = rows(platform)
    trial = tried(platform, fail_with="AUTH", fail_times=-1)
    assert (trial.outcome, trial.error_code, trial.verdict) == (Outcome.FAILED, ErrorCode.AUTH, None)
    assert trial.error_message
    assert "failed: AUTH: " in trial.sentence
    assert rows(platform) == before


def test_a_debate_is_tried_and_its_calls_are_paid_and_counted(lab: DebateLab) -> None:
    trial = tried(lab.platform, "MSFT", "DebateDesk", **SETTINGS)
    assert trial.outcome is Outcome.COMPLETED
    tokens, money = lab.paid()
    assert (trial.spend.tokens, trial.spend.cost, trial.spend.at_least) == (tokens, money, False)
    assert trial.spend.calls == len(lab.first.server.asked)
    costs = lab.platform.models.costs
    assert [(group.label, group.spend.cost) for group in costs.by("outcome").groups] == [("trial", money)]
    assert [group.label for group in costs.by("expert").groups] == ["trial"]
    assert [group.label for group in costs.by("analysis").groups] == [f"trial {trial.id}"]
    assert costs.read("7d").dearest == ()
    assert not list((lab.platform.settings.data_dir / "trials").iterdir()), "nor are its checkpoints kept"


def test_the_budgets_of_a_trial_are_its_own_and_those_of_its_expert(lab: DebateLab) -> None:
    first = tried(lab.platform, "MSFT", "DebateDesk", **SETTINGS)
    enough = float(first.spend.cost) * 3
    second = tried(lab.platform, "MSFT", "DebateDesk", **SETTINGS, budget_per_analysis_usd=enough)
    assert second.outcome is Outcome.COMPLETED, "what another trial took is not counted"
    short = tried(lab.platform, "MSFT", "DebateDesk", **SETTINGS, budget_per_analysis_usd=0.001)
    assert (short.outcome, short.error_code) == (Outcome.FAILED, ErrorCode.BUDGET)
    settings = {**SETTINGS, "budget_per_day_usd": float(first.spend.cost)}
    lab.debate()
    spent = lab.platform.trials.start("DebateDesk", settings, "MSFT", by=TRADER, expert_instance_id=lab.desk)
    assert ended(lab.platform, spent).error_code is ErrorCode.BUDGET, "the expert has spent its day's money"


def test_a_number_is_not_given_again_after_a_restart(lab: DebateLab) -> None:
    trial = tried(lab.platform, "MSFT", "DebateDesk", **SETTINGS)
    folder = lab.platform.settings.data_dir
    lab.platform.stop()
    platform = make_platform(folder, research_dir=folder / "research")
    try:
        again = platform.trials.start("DebateDesk", SETTINGS, "MSFT", by=TRADER)
        assert (trial.id, again.id) == (1, 2)
        assert ended(platform, again).spend.cost < 2 * trial.spend.cost
    finally:
        platform.stop()


def test_a_cancel_ends_the_call_in_flight_and_says_what_it_may_have_cost(lab: DebateLab) -> None:
    lab.first.hold("bull")
    trial = lab.platform.trials.start("DebateDesk", SETTINGS, "MSFT", by=TRADER)
    assert lab.first.held.wait(EVENT_SECONDS)
    wait_until(lab.platform, lambda: lab.platform.trials.get(trial.id).progress > 0, "progress")
    assert lab.platform.trials.get(trial.id).current_step == "Bull researcher"
    assert lab.platform.trials.cancel(trial.id, by=TRADER).outcome is Outcome.CANCELLED
    assert lab.first.server.asked[-1].left.wait(EVENT_SECONDS), "the server sees that nobody waits any more"
    wait_until(lab.platform, lambda: lab.platform.models.costs.calls(-trial.id)[0].outcome is not None, "its end")
    said = lab.platform.trials.get(trial.id)
    assert (said.verdict, said.spend.at_least) == (None, True)
    assert lab.platform.trials.cancel(trial.id, by=TRADER) == said


def test_a_trial_of_answers_that_cannot_be_read_is_no_hold(lab: DebateLab) -> None:
    lab.first.trouble = lambda asked: Reply("Well ...") if "tool_choice" in asked.body else None
    trial = tried(lab.platform, "MSFT", "DebateDesk", **SETTINGS)
    assert (trial.outcome, trial.error_code) == (Outcome.FAILED, ErrorCode.OUTPUT_INVALID)


@pytest.mark.parametrize(
    ("given", "refusal", "sentence"),
    [
        ({"expert": "Nobody"}, NotFound, "There is no expert Nobody"),
        ({"symbol": " "}, Invalid, "is no symbol"),
        ({"settings": {"steps": 99}}, Impossible, "steps: Input should be less than or equal to 50"),
        ({"settings": {"colour": "red"}}, Impossible, "colour: Extra inputs are not permitted"),
        ({"timeout_seconds": 0}, Invalid, "timeout_seconds must be between 0.1 and 86400"),
        ({"expert_instance_id": 77}, NotFound, "Expert instance 77 not found"),
        ({"expert": "TechnicalRules", "expert_instance_id": 1}, Impossible, "Practice desk is a PracticeDesk"),
        (
            {"expert": "DebateDesk", "settings": {"providers": ["gone"]}}, Refused,
            "DebateDesk cannot be tried: No model provider can be asked (gone: there is no such provider)",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_tried_is_refused_with_a_sentence(
    platform: Platform, given: dict[str, Any], refusal: type[Exception], sentence: str
) -> None:
    practice(platform)
    wanted = {"expert": "PracticeDesk", "settings": {}, "symbol": "AAPL", **given}
    with pytest.raises(refusal) as refused:
        platform.trials.start(wanted.pop("expert"), wanted.pop("settings"), wanted.pop("symbol"), by=TRADER, **wanted)
    assert sentence in str(refused.value)


def test_the_problems_of_several_fields_are_told_one_by_one(platform: Platform) -> None:
    with pytest.raises(Impossible) as refused:
        platform.trials.start("PracticeDesk", {"steps": 99, "seconds": -1}, "AAPL", by=TRADER)
    assert [one["field"] for one in refused.value.details["fields"]] == ["seconds", "steps"]


@contextmanager
def acting(folder: Path, act: Callable[[AnalysisContext], Any]) -> Iterator[Platform]:
    """Run a console whose one expert acts so."""
    platform = make_platform(folder, catalog=Catalog(Scripted(act=act)))
    try:
        yield platform
    finally:
        platform.stop()


def test_no_more_than_a_few_are_tried_at_once_and_those_that_ended_make_room(tmp_path: Path) -> None:
    async def wait(context: AnalysisContext) -> Verdict:
        await context.step("Wait", asyncio.Event().wait)
        raise AssertionError

    with acting(tmp_path, wait) as platform:
        begun = [platform.trials.start("Scripted", {}, "AAPL", by=TRADER) for _ in range(MOST_AT_ONCE)]
        with pytest.raises(TooMany, match="4 trials are at work already"):
            platform.trials.start("Scripted", {}, "AAPL", by=TRADER)
        platform.trials.cancel(begun[0].id, by=TRADER)

        def there_is_room() -> bool:
            try:
                return platform.trials.start("Scripted", {}, "AAPL", by=TRADER).id > begun[-1].id
            except TooMany:
                return False

        wait_until(platform, there_is_room, "room for another")


def test_the_time_limit_of_the_form_holds(tmp_path: Path) -> None:
    async def wait(context: AnalysisContext) -> Verdict:
        await context.step("Wait", asyncio.Event().wait)
        raise AssertionError

    with acting(tmp_path, wait) as platform:
        trial = platform.trials.start("Scripted", {}, "AAPL", by=TRADER, timeout_seconds=0.1)
        assert ended(platform, trial).error_code is ErrorCode.TIMEOUT


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, ZeroDivisionError])
def test_an_expert_that_raises_anything_ends_its_own_trial_alone(tmp_path: Path, error: type[BaseException]) -> None:
    async def leave(context: AnalysisContext) -> Verdict:
        raise error("Enough")

    with acting(tmp_path, leave) as platform:
        assert tried(platform, expert="Scripted").error_code is ErrorCode.BUG
        assert tried(platform, expert="Scripted").error_code is ErrorCode.BUG


def test_a_stop_of_the_console_ends_them(tmp_path: Path) -> None:
    at_work, seen = threading.Event(), threading.Event()

    async def wait(context: AnalysisContext) -> Verdict:
        at_work.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.set()
        raise AssertionError

    with acting(tmp_path, wait) as platform:
        platform.trials.start("Scripted", {}, "AAPL", by=TRADER)
        assert at_work.wait(EVENT_SECONDS)
        platform.trials.stop()
        assert seen.is_set()
        with pytest.raises(Unavailable, match="The console is stopping"):
            platform.trials.start("Scripted", {}, "AAPL", by=TRADER)


def test_a_trial_that_never_was_is_not_known(platform: Platform) -> None:
    with pytest.raises(NotFound, match="Trial 9 is not known"):
        platform.trials.get(9)
    with pytest.raises(NotFound):
        platform.trials.cancel(9, by=TRADER)
