"""Partial re-runs: each mode does its steps again and keeps the others, or is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.rerun_plans import RerunOptions
from ba2_trade_platform.core.base.errors import Invalid, Refused
from ba2_trade_platform.core.contracts.experts import AnalysisContext, Verdict
from ba2_trade_platform.vocabulary import Mode, Status
from tests.fakes.experts import Scripted, Works, hold
from tests.fakes.graphs import FAMILY, Graph
from tests.platforms import TRADER, drain, make_platform, row, running, submit
from tests.scripted_console import console, submit_to
from tests.sql import ask, change, dump, file_of


@dataclass(frozen=True)
class Failed:
    """A console at work with an analysis that failed in one step of a graph."""

    platform: Platform
    graph: Graph
    id: int

    def rerun(self, mode: Mode, step: str | None = None, **more: Any) -> list[str]:
        """Re-run it so, and return the steps that were really done."""
        self.graph.forget()
        self.platform.analyses.rerun(self.id, by=TRADER, options=RerunOptions(mode, step=step, **more))
        drain(self.platform)
        return list(self.graph.done)


@contextmanager
def failed_at(folder: Path, *failing: str, **changes: Any) -> Iterator[Failed]:
    """A console whose analysis has failed at these steps, which work from now on."""
    graph = Graph(FAMILY, failing=failing)
    with console(folder, graph.expert) as platform:
        analysis_id = submit_to(platform, "Graph")
        drain(platform)
        assert row(platform, analysis_id).status is Status.FAILED
        graph.failing.clear()
        yield Failed(platform, graph, analysis_id)


@pytest.mark.parametrize(
    ("mode", "step", "done"),
    [
        (Mode.FRESH, None, ["Load", "News", "Chart", "Fundamentals", "Debate", "Decide"]),
        (Mode.RESUME, None, ["Chart", "Debate", "Decide"]),
        (Mode.FROM_STEP, "News", ["News", "Chart", "Fundamentals", "Debate", "Decide"]),
        (Mode.FROM_STEP, "2", ["News", "Chart", "Fundamentals", "Debate", "Decide"]),
        (Mode.FROM_STEP, "Fundamentals", ["Chart", "Fundamentals", "Debate", "Decide"]),
        (Mode.ONLY, "Chart", ["Chart", "Debate", "Decide"]),
        (Mode.ONLY, "Fundamentals", ["Chart", "Fundamentals", "Debate", "Decide"]),
        (Mode.ONLY, "1", ["Load", "News", "Chart", "Fundamentals", "Debate", "Decide"]),
    ],
)
def test_each_mode_does_exactly_this_work(tmp_path: Path, mode: Mode, step: str | None, done: list[str]) -> None:
    with failed_at(tmp_path, "Chart") as failed:
        assert failed.rerun(mode, step) == done
        assert row(failed.platform, failed.id).status is Status.COMPLETED
        assert [one.name for one in failed.platform.monitoring.details.steps(failed.id)] == list(FAMILY)


def test_an_independent_sibling_keeps_its_outputs_its_times_and_its_place(tmp_path: Path) -> None:
    with failed_at(tmp_path, "Chart") as failed:
        before = {step.name: step for step in failed.platform.monitoring.details.steps(failed.id)}
        failed.rerun(Mode.RESUME)
        after = {step.name: step for step in failed.platform.monitoring.details.steps(failed.id)}
        for name in ("Load", "News", "Fundamentals"):
            assert (after[name].id, after[name].started_at) == (before[name].id, before[name].started_at)
            assert (after[name].attempt, after[name].reused_from_attempt, after[name].cost) == (2, 1, 0)
        assert (after["Chart"].position, after["Chart"].reused_from_attempt) == (3, None)
        texts = {output.name: output.text for output in failed.platform.monitoring.details.outputs(failed.id)}
        assert texts == {
            "Load": "Load in attempt 1", "News": "News in attempt 1", "Fundamentals": "Fundamentals in attempt 1",
            "Chart": "Chart in attempt 2", "Debate": "Debate in attempt 2", "Decide": "Decide in attempt 2",
        }  # fmt: skip


def test_a_part_keeps_as_of_base_and_state_and_the_archive_keeps_the_whole_attempt(tmp_path: Path) -> None:
    with failed_at(tmp_path, "Debate") as failed:
        details = failed.platform.monitoring.details
        state = details.state(failed.id)
        failed.platform.queue.pause(by=TRADER)
        accepted = failed.platform.analyses.rerun(
            failed.id, by=TRADER, options=RerunOptions(Mode.RESUME, "the feed is back")
        )
        assert accepted.sentence == (f"Analysis {failed.id} queued for re-run (attempt 2, re-run 1/3, 4 steps kept)")
        assert details.state(failed.id) == state == {"at": "Debate", "attempt": 1}
        second, first = details.attempts(failed.id)
        assert (second.mode, second.base_attempt, second.reason) == ("resume", 1, "the feed is back")
        assert second.effective_as_of == first.effective_as_of is not None
        left = details.archive(failed.id, 1)
        assert [step["name"] for step in left.steps] == ["Load", "News", "Chart", "Fundamentals", "Debate"]
        assert len(left.outputs) == 5


def test_a_partial_rerun_purges_the_recommendation_and_the_archive_keeps_it(tmp_path: Path) -> None:
    async def recommends(context: AnalysisContext) -> Verdict:
        await context.step("Look", lambda: "seen")
        context.recommend(hold(77))
        raise TimeoutError

    with console(tmp_path, Scripted("Hasty", recommends)) as platform:
        analysis_id = submit_to(platform, "Hasty")
        drain(platform)
        platform.queue.pause(by=TRADER)
        assert platform.monitoring.details.recommendation(analysis_id) is not None
        platform.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(Mode.RESUME))
        assert platform.monitoring.details.recommendation(analysis_id) is None
        assert (platform.monitoring.details.archive(analysis_id, 1).recommendation or {})["confidence"] == 77
        assert row(platform, analysis_id).error_code is None


def test_a_kept_step_is_done_again_when_what_it_is_given_has_changed(tmp_path: Path) -> None:
    with failed_at(tmp_path, "Decide") as failed:
        failed.graph.inputs["News"] = "another headline"
        assert failed.rerun(Mode.RESUME) == ["News", "Decide"]


def test_what_nobody_asks_for_any_more_is_no_part_of_the_completed_attempt(tmp_path: Path) -> None:
    with failed_at(tmp_path, "Decide") as failed:
        failed.graph.graph = {"Load": (), "Headlines": ("Load",), "Decide": ("Headlines",)}
        assert failed.rerun(Mode.RESUME) == ["Headlines", "Decide"]
        assert {step.name for step in failed.platform.monitoring.details.steps(failed.id)} == {
            "Load",
            "Headlines",
            "Decide",
        }
        assert {out.name for out in failed.platform.monitoring.details.outputs(failed.id)} == {
            "Load",
            "Headlines",
            "Decide",
        }


def test_siblings_in_parallel_stay_untouched_when_one_of_them_failed(tmp_path: Path) -> None:
    works, broken = Works(), {"B"}

    async def parallel(context: AnalysisContext) -> Verdict:
        await context.step("Load", works.of("Load"), after=())

        def work(name: str) -> str:
            works.of(name)()
            if name in broken:
                raise ConnectionError(name)
            return name

        async def one(name: str) -> str:
            return await context.step(name, lambda: work(name), after=["Load"])

        results = await asyncio.gather(*(one(name) for name in "ABC"), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        await context.step("Decide", works.of("Decide"), after=["A", "B", "C"])
        return hold()

    with console(tmp_path, Scripted("Parallel", parallel)) as platform:
        analysis_id = submit_to(platform, "Parallel")
        drain(platform)
        assert row(platform, analysis_id).error_code == "CONNECTION"
        broken.clear()
        platform.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(Mode.RESUME))
        drain(platform)
        assert row(platform, analysis_id).status is Status.COMPLETED
        assert dict(works.done) == {"Load": 1, "A": 1, "B": 2, "C": 1, "Decide": 1}


@pytest.mark.parametrize("by_itself", [True, False])
def test_what_was_made_without_a_failed_step_is_made_again_with_it(tmp_path: Path, by_itself: bool) -> None:
    works = Works()

    async def tolerates(context: AnalysisContext) -> Verdict:
        def news() -> str:
            works.of("News")()
            if context.attempt == 1:
                raise ConnectionError
            return "news"

        failed = False
        try:
            await context.step("News", news, after=())
        except ConnectionError:
            failed = True
        await context.step("Chart", works.of("Chart"), after=())
        await context.step("Summary", works.of("Summary"), after=["News", "Chart"])
        if failed:
            raise ConnectionError
        return hold()

    with console(tmp_path, Scripted("Tolerant", tolerates)) as platform:
        retries = {"max_retries": 1, "retry_base_seconds": 0.1} if by_itself else {"max_retries": 0}
        instance = next(found.id for found in platform.experts.list() if found.alias == "Tolerant")
        platform.experts.update(instance, by=TRADER, **retries)
        analysis_id = submit_to(platform, "Tolerant")
        drain(platform)
        if not by_itself:
            platform.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(Mode.RESUME))
            drain(platform)
        assert row(platform, analysis_id).status is Status.COMPLETED
        assert dict(works.done) == {"News": 2, "Chart": 1, "Summary": 2}


def test_technical_rules_read_prices_anew_and_keep_the_votes_while_these_are_the_same(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    instance = platform.experts.create("TechnicalRules", "Rules", by=TRADER).id
    with running(platform):
        analysis_id = submit(platform, instance, "AAPL")
        drain(platform)
        names = [step.name for step in platform.monitoring.details.steps(analysis_id)]
        # As it stands when the last step had failed.
        fail_last = (
            "UPDATE analysis_step SET status = 'failed' WHERE name = 'Combine'",
            "UPDATE market_analysis SET status = 'failed', error_code = 'BUG', failure_kind = 'unknown'",
            "UPDATE analysis_attempt SET outcome = 'failed', error_code = 'BUG'",
        )
        for statement in fail_last:
            change(file_of(platform), statement)
        plan = platform.analyses.rerun_plan(analysis_id, RerunOptions(Mode.RESUME))
        assert [(step.name, step.fate) for step in plan.steps] == [
            ("Load prices", "re-run"), *((name, "stale") for name in names[1:5]), ("Combine", "re-run"),
        ]  # fmt: skip
        platform.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(Mode.RESUME))
        drain(platform)
        assert row(platform, analysis_id).status is Status.COMPLETED
        steps = platform.monitoring.details.steps(analysis_id)
        assert [step.name for step in steps] == names
        assert [step.reused_from_attempt for step in steps] == [None, 1, 1, 1, 1, None]


@pytest.mark.parametrize(
    ("mode", "step", "sentence"),
    [
        (Mode.ONLY, "Charts", "has no step 'Charts'; its steps are: 1 Load, 2 News, 3 Chart, 4 Fundamentals"),
        (Mode.FROM_STEP, "5", "has no step '5'; its steps are"),
        (Mode.FROM_STEP, "0", "has no step '0'"),
        (Mode.ONLY, None, "has no step ''"),
        (Mode.RESUME, "Chart", "Mode resume takes no step; from_step and only do"),
        (Mode.FRESH, "Chart", "Mode fresh takes no step"),
    ],
)
def test_an_unknown_step_is_refused_and_the_row_is_unchanged(
    tmp_path: Path, mode: Mode, step: str | None, sentence: str
) -> None:
    with failed_at(tmp_path, "Chart") as failed:
        before = dump(file_of(failed.platform))
        with pytest.raises(Invalid, match=sentence) as refused:
            failed.rerun(mode, step)
        assert (refused.value.code, refused.value.http_status) == ("INVALID_STEP", 409)
        assert dump(file_of(failed.platform)) == before


def test_what_cannot_be_had_is_refused_with_the_reason_that_the_plan_gives(tmp_path: Path) -> None:
    async def fails(context: AnalysisContext) -> Verdict:
        await context.step("Look", lambda: "seen")
        raise TimeoutError

    async def fails_at_once(context: AnalysisContext) -> Verdict:
        raise TimeoutError

    experts = Scripted("Whole", fails, can_resume=False), Scripted("Hasty", fails_at_once)
    with console(tmp_path, *experts) as platform:
        whole, hasty = submit_to(platform, "Whole"), submit_to(platform, "Hasty")
        drain(platform)
        for analysis_id, reason in (
            (whole, "Whole cannot keep steps: it always does everything again"),
            (hasty, "No step of attempt 1 was completed, so there is nothing to keep"),
        ):
            plan = platform.analyses.rerun_plan(analysis_id)
            assert [(mode.mode, mode.reason) for mode in plan.modes] == [
                ("fresh", None), ("resume", reason), ("from_step", reason), ("only", reason),
            ]  # fmt: skip
            with pytest.raises(Invalid, match=reason) as refused:
                platform.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(Mode.RESUME))
            assert refused.value.code == "MODE_NOT_POSSIBLE"


def test_the_settings_of_an_earlier_attempt_can_be_chosen(tmp_path: Path) -> None:
    with failed_at(tmp_path, "Chart") as failed:
        platform, instance = failed.platform, row(failed.platform, failed.id).expert_instance_id
        platform.experts.update(instance, by=TRADER, settings={"window": 9})
        plan = platform.analyses.rerun_plan(failed.id)
        assert plan.settings_changed == "settings changed since attempt 1"
        assert [(choice.config, choice.revision) for choice in plan.configs] == [("current", 2), ("original", 1)]
        failed.graph.failing.add("Chart")
        failed.rerun(Mode.FRESH, config="original")
        failed.rerun(Mode.FRESH, config="current")
        failed.rerun(Mode.FRESH, config="2")
        assert [one.config_revision for one in platform.monitoring.details.attempts(failed.id)] == [1, 2, 1, 1]
        with pytest.raises(Invalid, match="choose current, original, or an attempt from 1 to 4") as refused:
            platform.analyses.rerun_plan(failed.id, RerunOptions(config="5"))
        assert refused.value.code == "INVALID_CONFIG"


def test_the_provider_of_one_attempt_can_be_chosen_or_left_out(tmp_path: Path) -> None:
    asked: list[tuple[str, ...]] = []

    async def asks(context: AnalysisContext) -> Verdict:
        asked.append(tuple(context.providers))
        raise ConnectionError

    with console(tmp_path, Scripted("Asking", asks, asks=("north", "south", "west"))) as platform:
        analysis_id = submit_to(platform, "Asking")
        drain(platform)
        assert platform.analyses.rerun_plan(analysis_id).providers == ("north", "south", "west")
        for options in (RerunOptions(provider="south"), RerunOptions(exclude_providers=("north", "west"))):
            platform.analyses.rerun(analysis_id, by=TRADER, options=options)
            drain(platform)
        assert asked == [("north", "south", "west"), ("south",), ("south",)]
        for options, sentence in (
            (RerunOptions(provider="east"), "Asking has no provider 'east': its providers are north, south, west"),
            (RerunOptions(exclude_providers=("north", "south", "west")), "Asking would have nobody to ask"),
        ):
            with pytest.raises(Invalid, match=sentence) as refused:
                platform.analyses.rerun(analysis_id, by=TRADER, options=options)
            assert refused.value.code == "INVALID_PROVIDER"


def test_a_plan_that_has_changed_is_refused_with_the_new_one(tmp_path: Path) -> None:
    with failed_at(tmp_path, "Chart") as failed:
        analyses = failed.platform.analyses
        plan = analyses.rerun_plan(failed.id, RerunOptions(Mode.RESUME))
        failed.graph.failing.add("Debate")
        failed.rerun(Mode.RESUME)
        with pytest.raises(Refused) as refused:
            analyses.rerun(failed.id, by=TRADER, options=RerunOptions(Mode.RESUME, plan_hash=plan.plan_hash))
        assert (refused.value.code, refused.value.http_status) == ("PLAN_CHANGED", 409)
        fresh = analyses.rerun_plan(failed.id, RerunOptions(Mode.RESUME))
        assert refused.value.details["plan"]["plan_hash"] == fresh.plan_hash != plan.plan_hash
        failed.graph.failing.clear()
        assert failed.rerun(Mode.RESUME, plan_hash=fresh.plan_hash) == ["Debate", "Decide"]
        columns = ask(file_of(failed.platform), "SELECT number, mode, base_attempt FROM analysis_attempt ORDER BY 1")
        assert columns == [(1, "fresh", 1), (2, "resume", 1), (3, "resume", 1)]
