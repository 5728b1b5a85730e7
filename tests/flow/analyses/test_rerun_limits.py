"""Re-run limits: the count, the rate, and acts on the recommendation stop one until a person answers for it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ba2_trade_platform.core.analyses.rerun_plans import RerunOptions, RerunQuestion
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.errors import Invalid, PlatformError, Refused, TooMany
from ba2_trade_platform.vocabulary import ActorKind, ErrorCode, Mode, Status
from tests.fakes.experts import Catalog, Scripted
from tests.fakes.side_effects import Orders
from tests.flow.analyses.failed_analyses import failed_analysis
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER, make_platform, practice, submit
from tests.sql import ask, dump, one
from tests.stepped import Desk, make_desk


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def desk(tmp_path: Path, orders: Orders) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted(), Scripted("Other")), side_effects=[orders])
    yield made
    made.close()


def rerun_and_fail(desk: Desk, analysis_id: int, code: ErrorCode, options: RerunOptions | None = None) -> None:
    """Re-run it, and have it fail with this code a minute later."""
    desk.analyses.rerun(analysis_id, by=TRADER, options=options)
    worker = desk.worker()
    claim = worker.claim(analysis_id)
    desk.clock.advance(60)
    worker.fail(claim, code)


def used_up(desk: Desk) -> int:
    """Return an analysis that was re-run three times."""
    analysis_id = failed_analysis(desk)
    for code in (ErrorCode.AUTH, ErrorCode.TIMEOUT, ErrorCode.AUTH):
        rerun_and_fail(desk, analysis_id, code)
    return analysis_id


def test_the_fourth_rerun_is_refused_with_the_history_and_the_row_is_unchanged(desk: Desk) -> None:
    analysis_id = used_up(desk)
    desk.clock.advance(180)
    before = dump(desk.file)
    with pytest.raises(TooMany) as refused:
        desk.analyses.rerun(analysis_id, by=TRADER)
    assert str(refused.value) == (
        f"Analysis {analysis_id} was re-run 3 times (AUTH twice, TIMEOUT once, last by trader 4 min ago); "
        "re-run 4/3 needs an override with a reason"
    )
    assert (refused.value.code, refused.value.http_status, refused.value.retry_after_seconds) == (
        "RETRY_LIMIT", 429, None,
    )  # fmt: skip
    assert dump(desk.file) == before


def test_an_override_with_a_reason_runs_and_is_shown_as_the_fourth_of_three(desk: Desk) -> None:
    analysis_id = used_up(desk)
    accepted = desk.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(override=True, reason="the key is new"))
    assert accepted.sentence == f"Analysis {analysis_id} queued for re-run (attempt 5, re-run 4/3)"
    newest = desk.platform.monitoring.details.attempts(analysis_id)[0]
    assert (newest.number, newest.reason) == (5, "the key is new")


@pytest.mark.parametrize("reason", [None, "", "   "])
def test_an_override_needs_a_reason(desk: Desk, reason: str | None) -> None:
    analysis_id = used_up(desk)
    with pytest.raises(Invalid, match="Give a reason to override the limit") as refused:
        desk.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(override=True, reason=reason))
    assert (refused.value.code, desk.row(analysis_id).status) == ("REASON_REQUIRED", Status.FAILED)


def test_an_expert_that_allows_no_rerun_says_so(desk: Desk) -> None:
    analysis_id = failed_analysis(desk)
    desk.platform.experts.update(desk.row(analysis_id).expert_instance_id, by=TRADER, max_reruns=0)
    with pytest.raises(TooMany, match="Scripted allows no re-runs; re-run 1/0 needs an override with a reason"):
        desk.analyses.rerun(analysis_id, by=TRADER)


def test_the_limit_stands_in_the_plan_before_it_is_met(desk: Desk) -> None:
    analysis_id = used_up(desk)
    plan = desk.analyses.rerun_plan(analysis_id)
    assert [(guard.code, guard.needs) for guard in plan.guards] == [("RETRY_LIMIT", "override"), ("PERMANENT", None)]
    with pytest.raises(RerunQuestion) as question:
        desk.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(ask=True))
    assert question.value.guards == plan.guards


def test_a_permanent_failure_is_accepted_with_a_warning_and_a_transient_one_without(desk: Desk) -> None:
    analysis_id = failed_analysis(desk)
    assert desk.analyses.rerun(analysis_id, by=TRADER).warnings == ("Permanent: fix first (API key refused)",)
    worker = desk.worker()
    worker.fail(worker.claim(analysis_id), ErrorCode.RATE_LIMIT, "slow down")
    assert desk.analyses.rerun(analysis_id, by=TRADER).warnings == ()


def test_a_warning_says_when_the_settings_were_changed_since_it_failed(desk: Desk) -> None:
    analysis_id = failed_analysis(desk)
    desk.platform.experts.update(desk.row(analysis_id).expert_instance_id, by=TRADER, settings={"window": 9})
    assert desk.analyses.rerun(analysis_id, by=TRADER).warnings == (
        "Permanent: fix first (API key refused); the expert's settings were changed since",
    )


def test_whoever_asks_too_often_waits_and_others_do_not(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, reruns_per_minute=2)
    waiting = submit(platform, practice(platform))
    script, person = Actor(ActorKind.API, "script"), Actor(ActorKind.USER, "script")

    def refusal(who: Actor) -> PlatformError:
        with pytest.raises(PlatformError) as refused:
            platform.analyses.rerun(waiting, by=who)
        return refused.value

    assert [refusal(script).code for _ in range(2)] == ["NOT_FAILED", "NOT_FAILED"]
    refused = refusal(script)
    assert (refused.code, refused.http_status) == ("RATE_LIMITED", 429)
    assert str(refused).startswith("script (api) asked for more than 2 re-runs within a minute; ask again in ")
    assert 1 <= (refused.retry_after_seconds or 0) <= 60
    assert refusal(person).code == "NOT_FAILED"
    platform.stop()


def test_a_hundred_at_once_never_pass_the_rate(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, reruns_per_minute=30)
    waiting, together = submit(platform, practice(platform)), threading.Barrier(100)

    def click(_: int) -> str:
        together.wait(EVENT_SECONDS)
        with pytest.raises(PlatformError) as refused:
            platform.analyses.rerun(waiting, by=TRADER)
        return refused.value.code

    with ThreadPoolExecutor(100) as pool:
        codes = Counter(pool.map(click, range(100)))
    platform.stop()
    assert codes == {"NOT_FAILED": 30, "RATE_LIMITED": 70}


@pytest.mark.parametrize("mode", [Mode.FRESH, Mode.RESUME])
def test_what_something_acts_on_is_not_purged_before_somebody_acknowledges_it(
    desk: Desk, orders: Orders, mode: Mode
) -> None:
    analysis_id = failed_analysis(desk)
    order = orders.place(analysis_id)
    before = dump(desk.file)
    with pytest.raises(Refused) as refused:
        desk.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(mode))
    assert str(refused.value) == (
        f"The recommendation of analysis {analysis_id} is acted on by order 17 (buy 10 AAPL, filled); acknowledge it "
        "with a reason to go on. What acts on it stays as it is"
    )
    assert (refused.value.code, refused.value.http_status) == ("CONFIRMATION_REQUIRED", 409)
    assert refused.value.details["side_effects"] == [order.to_json()]
    with pytest.raises(Invalid, match="Give a reason to acknowledge") as refused_again:
        desk.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(mode, acknowledge=True))
    assert refused_again.value.code == "REASON_REQUIRED"
    assert dump(desk.file) == before

    options = RerunOptions(mode, acknowledge=True, reason="the order is wanted anyway")
    desk.analyses.rerun(analysis_id, by=TRADER, options=options)
    kept = ask(desk.file, "SELECT number, acknowledged IS NOT NULL FROM analysis_attempt ORDER BY number")
    assert kept == [(1, 0), (2, 1)]
    assert "order 17" in one(desk.file, "SELECT acknowledged FROM analysis_attempt WHERE number = 2")
    assert orders.placed == {analysis_id: [order]}


def test_an_analysis_that_nothing_acts_on_is_rerun_without_a_question(desk: Desk, orders: Orders) -> None:
    acted_on, free = failed_analysis(desk), failed_analysis(desk, "MSFT")
    orders.place(acted_on)
    desk.analyses.rerun(free, by=TRADER)
    assert (
        one(desk.file, "SELECT acknowledged FROM analysis_attempt WHERE analysis_id = ? AND number = 2", free) is None
    )


def test_an_order_that_comes_while_the_dialog_is_open_changes_the_plan(desk: Desk, orders: Orders) -> None:
    analysis_id = failed_analysis(desk)
    plan = desk.analyses.rerun_plan(analysis_id)
    orders.place(analysis_id)
    options = RerunOptions(plan_hash=plan.plan_hash, acknowledge=True, reason="seen")
    with pytest.raises(Refused) as refused:
        desk.analyses.rerun(analysis_id, by=TRADER, options=options)
    assert refused.value.code == "PLAN_CHANGED"
    assert refused.value.details["plan"]["guards"][0]["code"] == "CONFIRMATION_REQUIRED"


def test_the_planned_duplicate_and_the_disabled_expert_are_named(desk: Desk) -> None:
    analysis_id = failed_analysis(desk)
    instance = desk.row(analysis_id).expert_instance_id
    twin = desk.submit(instance)
    desk.platform.experts.update(instance, by=TRADER, enabled=False)
    sentences = {guard.code: guard.sentence for guard in desk.analyses.rerun_plan(analysis_id).guards}
    assert sentences["DUPLICATE_PENDING"] == (
        f"Analysis task for expert Scripted and symbol AAPL is already pending (analysis {twin})"
    )
    assert sentences["EXPERT_UNAVAILABLE"] == "Scripted cannot work: it is disabled"
