"""The call log's contract: no call past a budget, each written down twice, never a made-up price."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ba2_trade_platform.core.base.app_settings import BUDGET_PER_DAY
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import Budgets, CallEnd, CallRecorder, CallStart, Charge
from ba2_trade_platform.core.models.pricing import Price
from ba2_trade_platform.vocabulary import CallOutcome, ErrorCode
from tests.fakes.clock import MovingClock
from tests.platforms import TRADER
from tests.stepped import make_desk

# 1,000 tokens in and 1,000 out: 0.01 + 0.03 = 0.04 USD at most; a third of a cent for cached ones.
PRICE = Price("lab", "dear", date(2020, 1, 1), Decimal(10), Decimal(1), Decimal(30), "this test")
LIMIT = Decimal("0.10")
START = CallStart(1, 1, 1, "AAPL", "Bull", "lab", "dear", 1000, 1000)
ANSWERED = CallEnd(CallOutcome.ANSWERED, 900, 500)


class ClockedCallLog:
    """A book with the clock it goes by, and the whole desk's budget set through it."""

    def __init__(self, call_log: CallRecorder, clock: MovingClock, whole_day: object) -> None:
        self.begin, self.end = call_log.begin, call_log.end
        self.clock = clock
        self.whole_day = whole_day


@pytest.fixture
def call_log(tmp_path: Path) -> Iterator[ClockedCallLog]:
    (tmp_path / "prices.csv").write_text(
        "provider,model,valid_from,input,cached,output,source\nlab,dear,2020-01-01,10,1,30,this test\n"
    )
    desk = make_desk(tmp_path)

    def set_desk(limit: Decimal) -> None:
        desk.platform.app_settings.change(BUDGET_PER_DAY, str(limit), by=TRADER)

    yield ClockedCallLog(desk.platform.models.calls, desk.clock, set_desk)
    desk.close()


def refused(call_log: ClockedCallLog, start: CallStart) -> str:
    """Return the sentence by which a call is refused."""
    with pytest.raises(ExpertError) as error:
        call_log.begin(start)
    assert error.value.code is ErrorCode.BUDGET
    return str(error.value)


def within(**budgets: Decimal) -> CallStart:
    """A call with these budgets."""
    return replace(START, budgets=Budgets(**budgets))


def test_a_call_takes_its_tokens_and_their_price(call_log: ClockedCallLog) -> None:
    assert call_log.end(call_log.begin(START), ANSWERED) == Charge(1400, Decimal("0.024"))


def test_remembered_input_costs_what_remembered_input_costs(call_log: ClockedCallLog) -> None:
    end = replace(ANSWERED, tokens_cached=800)
    assert call_log.end(call_log.begin(START), end) == Charge(1400, Decimal("0.0168"))


def test_calls_have_numbers_of_their_own(call_log: ClockedCallLog) -> None:
    assert len({call_log.begin(START) for _ in range(3)}) == 3


def test_the_price_of_an_unknown_model_is_unknown_and_not_nothing(call_log: ClockedCallLog) -> None:
    unknown = replace(START, model="brand-new")
    assert call_log.end(call_log.begin(unknown), ANSWERED) == Charge(1400, None)


@pytest.mark.parametrize("outcome", [CallOutcome.FAILED, CallOutcome.CANCELLED, CallOutcome.INTERRUPTED])
def test_tokens_that_nobody_counted_are_unknown_and_so_is_their_cost(
    call_log: ClockedCallLog, outcome: CallOutcome
) -> None:
    assert call_log.end(call_log.begin(START), CallEnd(outcome, error_code="TIMEOUT")) == Charge(None, None)


def test_a_provider_that_refused_the_call_is_paid_nothing(call_log: ClockedCallLog) -> None:
    end = CallEnd(CallOutcome.FAILED, 0, 0, 0, error_code=ErrorCode.RATE_LIMIT.value)
    assert call_log.end(call_log.begin(START), end) == Charge(0, Decimal(0))


def test_a_limit_that_was_met_in_the_middle_of_an_answer_leaves_its_cost_unknown(call_log: ClockedCallLog) -> None:
    end = CallEnd(CallOutcome.FAILED, error_code=ErrorCode.RATE_LIMIT.value)
    assert call_log.end(call_log.begin(START), end) == Charge(None, None)


def test_a_second_end_changes_nothing(call_log: ClockedCallLog) -> None:
    call = call_log.begin(START)
    first = call_log.end(call, ANSWERED)
    assert call_log.end(call, CallEnd(CallOutcome.ANSWERED, 9, 9)) == first


def test_the_end_of_a_call_that_never_began_is_refused(call_log: ClockedCallLog) -> None:
    with pytest.raises(NotFound):
        call_log.end(4711, ANSWERED)


def test_a_call_that_could_exceed_the_budget_of_its_analysis_is_refused_beforehand(call_log: ClockedCallLog) -> None:
    start = within(per_analysis=LIMIT)
    call_log.end(call_log.begin(start), ANSWERED)  # 0.024
    call_log.end(call_log.begin(replace(start, attempt=2)), ANSWERED)  # 0.048: all attempts count
    call_log.end(call_log.begin(replace(start, attempt=3)), ANSWERED)  # 0.072, and 0.04 more is too much
    assert "0.07" in refused(call_log, replace(start, attempt=4))
    call_log.begin(replace(start, analysis_id=2))


def test_what_is_under_way_counts_at_its_most(call_log: ClockedCallLog) -> None:
    start = within(per_analysis=LIMIT)
    call_log.begin(start)
    call = call_log.begin(start)
    refused(call_log, start)
    call_log.end(call, replace(ANSWERED, tokens_out=0))
    call_log.begin(start)


def test_what_ended_at_an_unknown_cost_still_counts_at_its_most(call_log: ClockedCallLog) -> None:
    start = within(per_analysis=LIMIT)
    for _ in range(2):
        call_log.end(call_log.begin(start), CallEnd(CallOutcome.FAILED, error_code="TIMEOUT"))
    refused(call_log, start)


def test_a_refused_call_leaves_nothing_behind(call_log: ClockedCallLog) -> None:
    refused(call_log, within(per_analysis=Decimal("0.03")))
    call_log.begin(within(per_analysis=Decimal("0.04")))


def test_the_budget_of_an_expert_is_of_one_utc_day_and_of_nobody_else(call_log: ClockedCallLog) -> None:
    start = within(per_expert_day=Decimal("0.05"))
    call_log.begin(start)
    refused(call_log, replace(start, analysis_id=2))
    call_log.begin(replace(start, expert_instance_id=2))
    call_log.clock.advance(24 * 3600)
    call_log.begin(start)


def test_the_budget_of_the_desk_is_of_all_experts_together(call_log: ClockedCallLog) -> None:
    call_log.whole_day(Decimal("0.05"))
    call_log.begin(START)
    refused(call_log, replace(START, expert_instance_id=2, analysis_id=2))
    call_log.clock.advance(24 * 3600)
    call_log.begin(START)


def test_a_model_without_a_price_cannot_be_held_to_a_budget_and_is_refused(call_log: ClockedCallLog) -> None:
    unknown = replace(within(per_analysis=LIMIT), model="brand-new")
    assert "Nobody knows the price of brand-new" in refused(call_log, unknown)


def test_calls_at_once_never_share_what_is_left(call_log: ClockedCallLog) -> None:
    start = within(per_analysis=LIMIT)  # room for two

    def ask(_: int) -> bool:
        try:
            call_log.begin(start)
        except ExpertError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(16))) == 2
