"""Deletions under way: an analysis, its expert or the demo goes while it is pending, running or being re-run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.errors import NotFound, PlatformError
from ba2_trade_platform.core.contracts.experts import AnalysisContext, Verdict
from ba2_trade_platform.vocabulary import Status
from tests.fakes.experts import Gate, Scripted, hold
from tests.patience import EVENT_SECONDS
from tests.platforms import ACTIVE, TRADER, drain, make_platform, practice, row, running, submit, wait_until
from tests.scripted_console import console, instance, submit_to
from tests.sql import ask, file_of, one

CHILDREN = {
    "analysis_attempt": "analysis_id", "analysis_step": "analysis_id", "analysis_output": "market_analysis_id",
    "expert_recommendation": "market_analysis_id",
}  # fmt: skip


def assert_sound(platform: Platform) -> None:
    """Fail when anything hangs in the air: rows without a parent, active rows without an open attempt."""
    file = file_of(platform)
    assert ask(file, "PRAGMA foreign_key_check") == []
    assert one(file, "PRAGMA integrity_check") == "ok"
    for table, column in CHILDREN.items():
        assert one(file, f"SELECT COUNT(*) FROM {table} WHERE {column} NOT IN (SELECT id FROM market_analysis)") == 0
    assert platform.worker.status.storage_problem is None


def at_once(*wishes: Callable[[], object]) -> list[object]:
    """Carry out these wishes from as many threads at one moment; return what each was told."""
    together = threading.Barrier(len(wishes))

    def carry_out(wish: Callable[[], object]) -> object:
        together.wait(EVENT_SECONDS)
        try:
            return wish()
        except PlatformError as error:
            return error

    with ThreadPoolExecutor(len(wishes)) as pool:
        return list(pool.map(carry_out, wishes))


@pytest.mark.parametrize("state", ["pending", "running", "failed"])
def test_what_is_deleted_is_gone_whatever_it_was_doing(tmp_path: Path, state: str) -> None:
    gate = Gate()

    async def waits(context: AnalysisContext) -> Verdict:
        await gate.hold()
        return hold()

    with console(tmp_path, Scripted("Waiting", waits)) as platform:
        if state != "running":
            platform.queue.pause(by=TRADER)
        doomed = submit_to(platform, "Waiting")
        if state == "running":
            gate.arrived()
        if state == "failed":
            platform.experts.update(instance(platform, "Waiting"), by=TRADER, enabled=False)
            wait_until(platform, lambda: row(platform, doomed).status is Status.FAILED, "refusing")
        done = platform.analyses.delete(doomed, by=TRADER)
        assert done.sentence == f"Analysis {doomed} deleted"
        with pytest.raises(NotFound):
            row(platform, doomed)
        gate.open()
        wait_until(platform, lambda: platform.worker.status.busy == 0, "letting go of it")
        with pytest.raises(NotFound):
            platform.analyses.rerun(doomed, by=TRADER)
        assert_sound(platform)
        assert one(file_of(platform), "SELECT COUNT(*) FROM activity_log WHERE what = 'delete'") == 1


def test_a_delete_and_a_rerun_at_the_same_moment_leave_one_truth(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    expert = practice(platform, fail_with="AUTH", fail_times=-1, max_concurrent=8)
    with running(platform):
        jobs = [submit(platform, expert, symbol) for symbol in ("AAPL", "AMD", "CERN", "COST", "GPS", "INTC")]
        drain(platform)
        answers = at_once(
            *(lambda job=job: platform.analyses.rerun(job, by=TRADER) for job in jobs),
            *(lambda job=job: platform.analyses.delete(job, by=TRADER) for job in jobs),
            lambda: platform.experts.update(expert, by=TRADER, enabled=False),
        )
        drain(platform)
        assert platform.monitoring.jobs.count() == 0
        assert not [answer for answer in answers[len(jobs) :] if isinstance(answer, PlatformError)]
        assert_sound(platform)


def test_an_expert_disabled_while_its_analyses_wait_run_and_are_rerun_ends_all_of_them(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    expert = practice(platform, fail_with="AUTH", fail_times=1, max_concurrent=2)
    with running(platform):
        failed = submit(platform, expert, "AAPL")
        drain(platform)
        at_once(
            lambda: platform.analyses.rerun(failed, by=TRADER),
            lambda: platform.experts.update(expert, by=TRADER, enabled=False),
            *(
                lambda symbol=symbol: platform.queue.submit_analysis_task(expert, symbol, by=TRADER)
                for symbol in ("AMD", "CERN", "COST", "GPS", "INTC")
            ),
        )
        drain(platform)
        rows = platform.monitoring.jobs.page(Filter()).items
        assert {found.status for found in rows} <= {Status.FAILED, Status.COMPLETED}
        assert {found.error_code for found in rows} <= {"AUTH", "EXPERT_UNAVAILABLE", None}
        assert_sound(platform)


def test_the_demo_is_removed_while_its_analyses_wait_run_and_are_rerun(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, demo=True)
    with running(platform):
        own = submit(platform, practice(platform, "My own desk"), "MSFT")
        wait_until(platform, lambda: platform.worker.status.busy >= 4, "the demo's work")
        platform.queue.pause(by=TRADER)
        demo = [found.id for found in platform.monitoring.jobs.page(limit=500).items if found.id != own]
        answers = at_once(
            lambda: platform.demo.desk.remove(by=TRADER),
            lambda: platform.demo.desk.remove(by=TRADER),
            *(lambda job=job: platform.analyses.cancel(job, by=TRADER) for job in demo[:6]),
            *(lambda job=job: platform.analyses.rerun(job, by=TRADER) for job in demo[6:]),
        )
        platform.queue.resume(by=TRADER)
        wait_until(platform, lambda: platform.monitoring.jobs.count(ACTIVE) == 0, "coming to an end")
        assert sum(answer for answer in answers[:2] if isinstance(answer, int)) == len(demo)
        assert [found.id for found in platform.monitoring.jobs.page().items] == [own]
        assert row(platform, own).status is Status.COMPLETED
        assert platform.demo.desk.state().present is False
        assert [found.alias for found in platform.experts.list()] == ["My own desk"]
        assert (platform.instruments.watchlists.list(), platform.instruments.catalog.page().items) == ([], ())
        # Another analysis without a batch must not keep the demo's batches.
        assert one(file_of(platform), "SELECT COUNT(*) FROM batch") == 0
        assert_sound(platform)
