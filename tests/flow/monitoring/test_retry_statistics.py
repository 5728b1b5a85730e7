"""Retry statistics: success, recovery and waste by group, and the suggestions that follow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.monitoring.retry_statistics import Statistics
from ba2_trade_platform.vocabulary import ErrorCode, Trigger
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER
from tests.sql import change
from tests.stepped import Desk, make_desk

SYMBOLS = ("AAPL", "AMZN", "IBM", "KO", "MSFT", "PEP", "GE")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted(asks=("openai",)), Scripted("Other")))
    yield made
    made.close()


def read(desk: Desk, window: str = "24h", expert: int | None = None) -> Statistics:
    """Return the statistics of the desk."""
    return desk.platform.monitoring.retries.read(window, expert)


def fail(desk: Desk, analysis_id: int, code: ErrorCode = ErrorCode.AUTH, seconds: float = 3) -> None:
    worker = desk.worker()
    claim = worker.claim(analysis_id)
    desk.clock.advance(seconds)
    worker.fail(claim, code)


def succeed(desk: Desk, analysis_id: int, seconds: float = 5) -> None:
    worker = desk.worker()
    claim = worker.claim(analysis_id)
    desk.clock.advance(seconds)
    worker.succeed(claim)


def test_an_empty_desk_has_nothing_to_say(desk: Desk) -> None:
    found = read(desk)
    assert (found.attempts, found.failed, found.recovered, found.truncated) == (0, 0, 0, False)
    assert found.time_to_rerun.p50 is None
    assert (found.by_fingerprint, found.slowest, found.suggestions) == ((), (), ())


def test_a_rerun_that_completes_is_success_recovery_and_waste_in_one(desk: Desk) -> None:
    analysis_id = desk.submit(desk.expert())
    fail(desk, analysis_id, seconds=3)
    desk.clock.advance(90)
    desk.analyses.rerun(analysis_id, by=TRADER)
    desk.clock.advance(10)
    succeed(desk, analysis_id, seconds=5)
    found = read(desk)
    assert (found.attempts, found.failed, found.failed_seconds, found.recovered) == (2, 1, 3.0, 1)
    by_trigger = {success.trigger: success for success in found.success}
    assert (by_trigger[Trigger.RERUN].tried, by_trigger[Trigger.RERUN].share) == (1, 1.0)
    assert by_trigger[Trigger.RETRY].share is None
    assert (found.time_to_rerun.count, found.time_to_rerun.p50) == (1, 90.0)
    assert found.time_to_recover.p50 == 105.0
    (error,) = found.by_fingerprint
    assert (error.label, error.failed, error.tried_again, error.recovered) == ("AUTH: The key is wrong", 1, 1, 1)
    assert [(slow.attempt, slow.seconds) for slow in found.slowest] == [(2, 5.0), (1, 3.0)]


def test_recovery_counts_from_the_first_failure_of_many(desk: Desk) -> None:
    analysis_id = desk.submit(desk.expert())
    for _ in range(2):
        fail(desk, analysis_id, seconds=1)
        desk.clock.advance(9)
        desk.analyses.rerun(analysis_id, by=TRADER)
    succeed(desk, analysis_id, seconds=1)
    assert read(desk).time_to_recover.p50 == 20.0


def test_waste_is_told_by_expert_provider_and_hour(desk: Desk) -> None:
    one, other = desk.expert(), desk.expert("Other")
    for instance, seconds in ((one, 3), (other, 10)):
        fail(desk, desk.submit(instance), seconds=seconds)
    found = read(desk)
    assert [(waste.label, waste.failed_seconds) for waste in found.by_expert] == [("Other", 10.0), ("Scripted", 3.0)]
    assert [(waste.label, waste.failed, waste.code) for waste in found.by_provider] == [("openai", 1, "AUTH")]
    assert {waste.key: waste.failed for waste in found.by_hour if waste.failed} == {"09": 2}
    assert len(found.by_hour) == 24
    tokyo = desk.platform.monitoring.retries.read(zone=ZoneInfo("Asia/Tokyo"))
    assert {waste.key for waste in tokyo.by_hour if waste.failed} == {"18"}
    assert read(desk, expert=one).attempts == 1


def test_what_ended_before_the_window_is_left_out(desk: Desk) -> None:
    fail(desk, desk.submit(desk.expert()))
    desk.clock.advance(timedelta(days=2).total_seconds())
    assert [read(desk, window).failed for window in ("24h", "7d", "30d")] == [0, 1, 1]
    with pytest.raises(Invalid, match="choose 24h, 7d, 30d"):
        read(desk, "1y")


def retried(desk: Desk, well: int, badly: int) -> None:
    """Have a transient error retried once for each symbol, of which some complete."""
    instance = desk.expert(max_retries=1, retry_base_seconds=1, retry_cap_seconds=1)
    for position, symbol in enumerate(SYMBOLS[: well + badly]):
        analysis_id = desk.submit(instance, symbol)
        fail(desk, analysis_id, ErrorCode.TIMEOUT, seconds=1)
        desk.clock.advance(60)
        if position < well:
            succeed(desk, analysis_id)
        else:
            fail(desk, analysis_id, ErrorCode.TIMEOUT, seconds=1)


def test_an_error_that_retries_do_not_get_past_is_suggested_to_be_stopped(desk: Desk) -> None:
    retried(desk, well=1, badly=6)
    (suggestion,) = read(desk).suggestions
    assert suggestion.sentence == "Stop auto-retrying this: 1 of 7 retries of TIMEOUT completed"
    change(desk.file, "UPDATE failure_group SET kind = 'permanent' WHERE fingerprint = ?", suggestion.fingerprint)
    assert read(desk).suggestions == ()


@pytest.mark.parametrize(("well", "badly"), [(2, 5), (0, 4)])
def test_good_odds_or_few_tries_suggest_nothing(desk: Desk, well: int, badly: int) -> None:
    retried(desk, well, badly)
    found = read(desk)
    assert found.suggestions == ()
    retries = next(success for success in found.success if success.trigger is Trigger.RETRY)
    assert (retries.completed, retries.failed) == (well, badly)


def test_a_retry_that_a_person_stopped_was_never_tried(desk: Desk) -> None:
    analysis_id = desk.submit(desk.expert(max_retries=1))
    fail(desk, analysis_id, ErrorCode.TIMEOUT)
    desk.platform.waiting_retries.stop(analysis_id, by=TRADER)
    assert [success.tried for success in read(desk).success] == [0, 0, 0]
