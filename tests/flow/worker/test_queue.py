"""The queue: its order, its limits, its answer to a duplicate, and switches that survive a restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from ba2_trade_platform.core.attempts.lifecycle import Event
from ba2_trade_platform.core.base.errors import Invalid, NotFound, Refused
from ba2_trade_platform.core.contracts.experts import AnalysisContext, Verdict
from ba2_trade_platform.vocabulary import Status, Subtype
from tests.fakes.experts import Catalog, Gate, Scripted, hold
from tests.platforms import TRADER, drain, row, running, wait_until
from tests.scripted_console import console, submit_to
from tests.scripted_console import desk as real_desk
from tests.sql import ask, change
from tests.stepped import MARKET_NOW, Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(
        tmp_path, Catalog(Scripted(), Scripted("Other"), Scripted("Lacking", lacks="No API key is set")), slots=4
    )
    yield made
    made.close()


def fill(desk: Desk, instance: int, count: int, **options: Any) -> list[int]:
    """Submit analyses of as many symbols."""
    return [desk.submit(instance, f"S{number}", **options) for number in range(count)]


def test_an_expert_never_runs_more_at_once_than_it_may(desk: Desk) -> None:
    one, other, worker = desk.expert(max_concurrent=2), desk.expert("Other", max_concurrent=1), desk.worker()
    first, second = fill(desk, one, 3), fill(desk, other, 2)
    worker.tick()
    assert set(worker.leased) == {*first[:2], second[0]}
    worker.tick()
    assert set(worker.leased) == {*first[:2], second[0]}
    worker.succeed(worker.leased[second[0]])
    assert set(worker.leased) == {*first[:2], second[1]}


def test_no_more_run_at_once_than_there_are_slots(desk: Desk) -> None:
    jobs, worker = fill(desk, desk.expert(max_concurrent=8), 6), desk.worker()
    worker.tick()
    assert list(worker.leased) == jobs[:4]
    desk.queue.set_slots(5, by=TRADER)
    worker.tick()
    assert list(worker.leased) == jobs[:5]


def test_the_lower_priority_number_comes_first_and_then_the_older_one(desk: Desk) -> None:
    expert, worker = desk.expert(max_concurrent=8), desk.worker()
    order = [
        desk.submit(expert, symbol, priority=priority)
        for symbol, priority in (("A", 9), ("B", 3), ("C", 3), ("D", 0), ("E", 9))
    ]
    desk.queue.set_slots(3, by=TRADER)
    worker.tick()
    assert list(worker.leased) == [order[3], order[1], order[2]]


def test_bulk_work_leaves_one_slot_for_a_person(desk: Desk) -> None:
    expert, worker = desk.expert(max_concurrent=8), desk.worker()
    bulk = fill(desk, expert, 6, priority=50)
    worker.tick()
    assert list(worker.leased) == bulk[:3]
    now = desk.submit(expert, "AAPL", priority=49)
    worker.tick()
    assert set(worker.leased) == {*bulk[:3], now}


def test_a_single_slot_is_for_everybody(desk: Desk) -> None:
    desk.queue.set_slots(1, by=TRADER)
    (bulk,), worker = fill(desk, desk.expert(), 1, priority=500), desk.worker()
    worker.tick()
    assert list(worker.leased) == [bulk]


def test_a_pause_stops_claims_and_nothing_else(desk: Desk) -> None:
    expert, worker = desk.expert(), desk.worker()
    works, waits = desk.submit(expert, "AAPL"), desk.submit(expert, "MSFT")
    desk.queue.set_slots(1, by=TRADER)
    worker.tick()
    desk.queue.pause(by=TRADER, reason="the close")
    worker.succeed(worker.leased[works])
    assert (desk.row(works).status, desk.row(waits).status) == (Status.COMPLETED, Status.PENDING)
    assert desk.queue.submit_analysis_task(expert, "INTC", by=TRADER).status is Status.PENDING
    desk.analyses.cancel(waits, by=TRADER)
    assert desk.row(waits).status is Status.CANCELLED
    state = desk.queue.state()
    assert (state.paused, state.reason, state.actor, state.since) == (True, "the close", "trader", desk.clock.now())
    desk.queue.resume(by=TRADER)
    worker.tick()
    assert len(worker.leased) == 1


def test_pause_and_slots_survive_a_restart_and_the_setting_is_only_their_first_value(tmp_path: Path) -> None:
    with console(tmp_path, workers=3) as platform:
        assert platform.queue.state().slots == 3
        platform.queue.set_slots(2, by=TRADER)
        platform.queue.pause(by=TRADER, reason="over the weekend")
        waiting = submit_to(platform, "Steady")
    with running(real_desk(tmp_path, workers=7)) as platform:
        wait_until(platform, lambda: platform.worker.status.running, "starting")
        state = platform.queue.state()
        assert (state.paused, state.reason, state.slots) == (True, "over the weekend", 2)
        assert (platform.worker.status.paused, platform.worker.status.slots) == (True, 2)
        assert row(platform, waiting).status is Status.PENDING
        platform.queue.resume(by=TRADER)
        drain(platform)
        assert row(platform, waiting).status is Status.COMPLETED


@pytest.mark.parametrize("count", [0, -1, 257])
def test_slots_out_of_bounds_are_refused(desk: Desk, count: int) -> None:
    with pytest.raises(Invalid, match=f"Slots must be between 1 and 256, not {count}"):
        desk.queue.set_slots(count, by=TRADER)


def test_a_duplicate_answers_with_the_analysis_under_way(desk: Desk) -> None:
    expert, worker = desk.expert(), desk.worker()
    first = desk.queue.submit_analysis_task(expert, "AAPL", by=TRADER)
    again = desk.queue.submit_analysis_task(expert, " aapl ", by=TRADER)
    assert (first.is_duplicate, again.is_duplicate, again.analysis_id) == (False, True, first.analysis_id)
    assert first.sentence == f"Analysis {first.analysis_id} queued for expert Scripted and symbol AAPL"
    assert again.sentence == "Analysis task for expert Scripted and symbol AAPL is already pending"
    claim = worker.claim(first.analysis_id)
    running_now = desk.queue.submit_analysis_task(expert, "AAPL", by=TRADER)
    assert running_now.sentence == "Analysis task for expert Scripted and symbol AAPL is already running"
    worker.succeed(claim)
    assert not desk.queue.submit_analysis_task(expert, "AAPL", by=TRADER).is_duplicate


def test_another_expert_symbol_subtype_or_as_of_is_no_duplicate(desk: Desk) -> None:
    desk.submit(one := desk.expert(), "AAPL")
    desk.submit(one, "MSFT")
    desk.submit(desk.expert("Other"), "AAPL")
    desk.submit(one, "AAPL", as_of=datetime(2014, 6, 2, tzinfo=UTC))
    assert len(ask(desk.file, "SELECT 1 FROM market_analysis")) == 4


def test_one_instant_is_one_instant_in_whatever_zone_it_is_written(desk: Desk) -> None:
    expert = desk.expert()
    utc = datetime(2014, 6, 2, 20, tzinfo=UTC)
    first = desk.queue.submit_analysis_task(expert, "AAPL", by=TRADER, as_of=utc)
    eastern = utc.astimezone(timezone(timedelta(hours=-4)))
    again = desk.queue.submit_analysis_task(expert, "AAPL", by=TRADER, as_of=eastern)
    assert (again.is_duplicate, again.analysis_id) == (True, first.analysis_id)


def test_a_bare_date_is_the_close_of_that_session(desk: Desk) -> None:
    analysis_id = desk.submit(desk.expert(), "AAPL", as_of=date(2014, 6, 2))
    assert desk.row(analysis_id).as_of == datetime(2014, 6, 2, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"symbol": ""}, "(empty) is no symbol"), ({"symbol": "A B"}, "A B is no symbol"),
        ({"symbol": "'; DROP"}, "is no symbol"), ({"symbol": "X" * 41}, "is no symbol"),
        ({"priority": -1}, "between 0 and 1000, not -1"), ({"priority": 1001}, "between 0 and 1000, not 1001"),
        ({"as_of": MARKET_NOW + timedelta(seconds=1)}, "lies after the market's now"),
        ({"as_of": datetime(2014, 6, 2)}, "as_of needs a time zone"),  # noqa: DTZ001 - naive on purpose
        ({"run_before": datetime(2030, 6, 2)}, "run_before needs a time zone"),  # noqa: DTZ001 - naive on purpose
        ({"run_before": datetime(2020, 6, 2, tzinfo=UTC)}, "run_before has already passed"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_nothing_is_queued(desk: Desk, options: dict[str, Any], says: str) -> None:
    expert = desk.expert()
    with pytest.raises(Invalid) as refused:
        desk.queue.submit_analysis_task(expert, **{"symbol": "AAPL", "by": TRADER, **options})
    assert says in str(refused.value)
    assert ask(desk.file, "SELECT 1 FROM market_analysis") == []


def test_an_expert_that_cannot_work_is_refused_with_its_reason(desk: Desk) -> None:
    one, lacking = desk.expert(), desk.expert("Lacking")
    with pytest.raises(NotFound, match="Expert instance 4711 not found"):
        desk.submit(4711)
    with pytest.raises(Refused, match="Lacking cannot work: No API key is set"):
        desk.submit(lacking)
    with pytest.raises(Refused, match="Scripted cannot work: Open positions need a connected broker"):
        desk.submit(one, subtype=Subtype.OPEN_POSITIONS)
    desk.platform.experts.update(one, by=TRADER, enabled=False)
    with pytest.raises(Refused, match="Scripted cannot work: it is disabled"):
        desk.submit(one)
    desk.platform.experts.archive(one, by=TRADER)
    with pytest.raises(Refused, match="Scripted cannot work: it was removed") as refused:
        desk.submit(one)
    assert (refused.value.code, refused.value.http_status) == ("EXPERT_UNAVAILABLE", 409)


@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        ("disabled", "it is disabled"),
        ("archived", "it was removed"),
        ("lacking", "The key was taken away"),
        ("gone", "there is no expert Other any more"),
    ],
)
def test_what_waits_for_an_expert_that_cannot_work_any_more_fails_and_says_so(
    tmp_path: Path, fate: str, reason: str
) -> None:
    other = Scripted("Other")
    catalog = Catalog(Scripted(), other)
    desk = make_desk(tmp_path, catalog)
    instance, worker = desk.expert("Other"), desk.worker()
    waiting, good = desk.submit(instance), desk.submit(desk.expert())
    if fate == "disabled":
        desk.platform.experts.update(instance, by=TRADER, enabled=False)
    elif fate == "archived":
        desk.platform.experts.archive(instance, by=TRADER)
    elif fate == "lacking":
        other.lacks = "The key was taken away"
    else:
        catalog.remove("Other")
    worker.tick()
    found = desk.row(waiting)
    assert (found.status, found.error_code, found.failure_kind) == (Status.FAILED, "EXPERT_UNAVAILABLE", "permanent")
    assert found.error_message == f"Other cannot work: {reason}"
    assert (found.started_at, found.finished_at) == (None, desk.clock.now())
    (attempt,) = desk.platform.monitoring.details.attempts(waiting)
    assert (attempt.outcome, attempt.error_code) == ("failed", "EXPERT_UNAVAILABLE")
    assert set(worker.leased) == {good}
    desk.close()


def test_a_refusal_at_boot_does_not_make_the_worker_rescue_what_it_has_just_begun(tmp_path: Path) -> None:
    gate = Gate()

    async def waits(context: AnalysisContext) -> Verdict:
        await gate.hold()
        return hold()

    lacking = Scripted("Lacking")
    platform = real_desk(tmp_path, Scripted("Waiting", waits), lacking)
    works, refused = submit_to(platform, "Waiting"), submit_to(platform, "Lacking")
    lacking.lacks = "The key was taken away"
    with running(platform):
        wait_until(platform, lambda: row(platform, refused).status is Status.FAILED, "refusing")
        gate.arrived()
        gate.open()
        drain(platform)
        assert (row(platform, works).status, row(platform, works).attempt) == (Status.COMPLETED, 1)
        assert platform.worker.status.rescued == 0


def test_a_running_analysis_of_an_expert_that_is_disabled_meanwhile_comes_to_its_end(desk: Desk) -> None:
    expert, worker = desk.expert(), desk.worker()
    claim = worker.claim(desk.submit(expert))
    desk.platform.experts.update(expert, by=TRADER, enabled=False)
    worker.succeed(claim)
    assert desk.row(claim.analysis_id).status is Status.COMPLETED


def test_run_again_makes_a_new_analysis_like_the_finished_one(desk: Desk) -> None:
    as_of, worker = datetime(2014, 6, 2, 20, tzinfo=UTC), desk.worker()
    done = desk.submit(desk.expert(), as_of=as_of)
    claim = worker.claim(done)
    with pytest.raises(Refused, match="Can only run finished analyses again"):
        desk.analyses.run_again(done, by=TRADER)
    worker.succeed(claim)
    again = desk.analyses.run_again(done, by=TRADER)
    fresh = desk.row(again.analysis_id)
    assert again.analysis_id != done
    assert (fresh.symbol, fresh.as_of, fresh.attempt, fresh.status) == ("AAPL", as_of, 1, Status.PENDING)
    assert desk.row(done).status is Status.COMPLETED


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_a_cancel_of_what_has_ended_is_refused(desk: Desk, status: str) -> None:
    analysis_id, worker = desk.submit(desk.expert()), desk.worker()
    if status == "cancelled":
        desk.analyses.cancel(analysis_id, by=TRADER)
    else:
        (worker.succeed if status == "completed" else worker.fail)(worker.claim(analysis_id))
    with pytest.raises(
        Refused, match=f"Can only cancel pending or running analyses: analysis {analysis_id} is {status}"
    ):
        desk.analyses.cancel(analysis_id, by=TRADER)
    assert not desk.row(analysis_id).offers(Event.CANCEL)


class Speechless(Scripted):
    """An expert with a fault in what it says of itself."""

    def providers(self, settings: BaseModel) -> Sequence[str]:  # noqa: ARG002 - the same for all settings
        """Fail."""
        raise RuntimeError("no such setting")


def test_an_expert_that_cannot_say_what_it_needs_stops_nobody_else(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, Catalog(Scripted(), Speechless("Speechless")))
    broken, sound = desk.expert("Speechless"), desk.expert()
    change(desk.file, "UPDATE expert_instance SET enabled = 0 WHERE id = ?", broken)
    waiting = desk.submit(sound, "AAPL")
    change(desk.file, "UPDATE market_analysis SET expert_instance_id = ? WHERE id = ?", broken, waiting)
    change(desk.file, "UPDATE expert_instance SET enabled = 1 WHERE id = ?", broken)
    other = desk.submit(sound, "MSFT")
    worker = desk.worker()
    assert [claim.analysis_id for claim in worker.tick().claims] == [other]
    said = "Speechless cannot work: it cannot say what it needs (RuntimeError: no such setting)"
    assert (desk.row(waiting).status, desk.row(waiting).error_message) == (Status.FAILED, said)
    desk.close()


def test_what_fails_after_a_commit_takes_nothing_back_and_wakes_the_worker_all_the_same(desk: Desk) -> None:
    woken: list[str] = []
    desk.store.on_commit(lambda: woken.append("woken"))
    instance = desk.expert()
    woken.clear()
    with desk.store.write() as transaction:
        transaction.session.execute(text("UPDATE expert_instance SET alias = 'Renamed'"))
        transaction.then(lambda: woken.append("first") or 1 / 0)
        transaction.then(lambda: woken.append("second"))
        transaction.wake()
    assert woken == ["first", "second", "woken"]
    assert [one.alias for one in desk.platform.experts.list() if one.id == instance] == ["Renamed"]
