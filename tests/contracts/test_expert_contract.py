"""The contract of experts: each in the registry keeps its promises, tried on the bundled market."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from ba2_trade_platform.core.contracts.experts import Bars, Expert, ExpertError, InstrumentInfo, Verdict
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.experts.registry import Registry
from ba2_trade_platform.market.prices.as_of import PricesAt
from ba2_trade_platform.vocabulary import ErrorCode, Signal, Subtype
from tests.fakes.context import Cancelled, RecordingContext
from tests.fakes.models import FakeModels
from tests.patience import EVENT_SECONDS

NAMES = Registry().names()
DAYS = [date(2006, 6, 15), date(2008, 10, 10), date(2011, 8, 8), date(2013, 6, 3), date(2014, 6, 9)]
DELISTED = date(2013, 10, 30)
SYMBOLS = ["AAPL", "AMD", "CERN", "COST", "DELL", "GPS", "INTC", "MMM", "MSFT"]
ALWAYS_DONE_AGAIN = {"TechnicalRules": {"Load prices"}, "DebateDesk": {"Data"}, "PracticeDesk": set[str]()}


@pytest.fixture(scope="module")
def market() -> DemoMarket:
    return DemoMarket()


@pytest.fixture(params=NAMES)
def expert(request: pytest.FixtureRequest) -> Expert:
    return Registry().get(request.param)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what an expert keeps between attempts land in the test's own folder: a context's is the current one."""
    monkeypatch.chdir(tmp_path)


class AlteredFuture:
    """The bundled market with every price after `known` tripled; it keeps the instants it was asked for."""

    name = "altered"

    def __init__(self, market: DemoMarket, known: datetime) -> None:
        self.clock = market.clock
        self.asked: list[datetime] = []
        self._market = market
        self._known = known

    def instruments(self) -> list[InstrumentInfo]:
        return list(self._market.instruments())

    def instrument(self, symbol: str) -> InstrumentInfo:
        return self._market.instrument(symbol)

    def instant_of(self, day: date, symbol: str | None = None) -> datetime:
        return self._market.instant_of(day, symbol)

    def bars(self, symbol: str, as_of: datetime, limit: int | None = None) -> Bars:
        self.asked.append(as_of)
        bars = self._market.bars(symbol, as_of, limit)
        factor = np.where(np.array([closed > self._known for closed in bars.closed_at]), 3.0, 1.0)
        return replace(
            bars, open=bars.open * factor, high=bars.high * factor, low=bars.low * factor, close=bars.close * factor
        )


class StalledPrices:
    """Prices that do not answer until they are released, like a provider that hangs."""

    def __init__(self, prices: PricesAt) -> None:
        self.as_of = prices.as_of
        self.asked = threading.Event()
        self.released = threading.Event()
        self._prices = prices

    def bars(self, symbol: str, limit: int | None = None) -> Bars:
        self.asked.set()
        self.released.wait(EVENT_SECONDS)
        return self._prices.bars(symbol, limit)


def context_of(
    expert: Expert, market: Any, symbol: str = "MSFT", day: date = DAYS[-1], **settings: Any
) -> RecordingContext:
    prices = PricesAt(market, market.instant_of(day))
    return RecordingContext(expert.settings_model(**settings), prices, symbol=symbol, models=FakeModels())


def schema_fields(expert: Expert) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from expert.settings_model.model_json_schema()["properties"].items()


@pytest.mark.parametrize("name", NAMES)
def test_the_registry_gives_the_expert_of_that_name_and_always_the_same_one(name: str) -> None:
    registry = Registry()
    assert registry.get(name).name == name
    assert registry.get(name) is registry.get(name)
    assert registry.get(name).description


def test_the_registry_names_the_experts_there_are_when_asked_for_another() -> None:
    with pytest.raises(KeyError, match="no expert named Oracle; there are TechnicalRules, DebateDesk, PracticeDesk"):
        Registry().get("Oracle")


def test_every_setting_has_a_title_and_a_description_and_every_number_bounds(expert: Expert) -> None:
    for field, schema in schema_fields(expert):
        assert schema.get("title"), field
        assert schema.get("description"), field
        assert "$ref" not in json.dumps(schema), field
        if schema.get("type") in {"integer", "number"}:
            assert {"minimum", "maximum"} <= schema.keys(), field


def test_the_default_settings_are_valid_and_survive_being_stored_as_json(expert: Expert) -> None:
    settings = expert.settings_model()
    assert expert.settings_model.model_validate(json.loads(settings.model_dump_json())) == settings


def test_a_number_out_of_bounds_is_refused_by_the_name_of_its_setting(expert: Expert) -> None:
    bounded = [(field, schema) for field, schema in schema_fields(expert) if "maximum" in schema]
    assert bounded
    for field, schema in bounded:
        for value in (schema["minimum"] - 1, schema["maximum"] + 1):
            with pytest.raises(ValidationError) as refused:
                expert.settings_model(**{field: value})
            assert [error["loc"] for error in refused.value.errors()] == [(field,)]


def test_an_unknown_setting_is_refused_by_its_name(expert: Expert) -> None:
    with pytest.raises(ValidationError, match="moon_phase"):
        expert.settings_model(moon_phase="full")


def test_open_positions_need_a_broker_for_every_expert_but_the_practice_desk(expert: Expert) -> None:
    unmet = [
        r for r in expert.requirements(expert.settings_model()) if not r.met and Subtype.OPEN_POSITIONS in r.subtypes
    ]
    assert [requirement.key for requirement in unmet] == ([] if expert.name == "PracticeDesk" else ["broker"])
    assert all(Subtype.ENTER_MARKET not in requirement.subtypes for requirement in unmet)


async def test_an_unknown_symbol_fails_as_symbol_invalid_and_is_named(expert: Expert, market: DemoMarket) -> None:
    with pytest.raises(ExpertError, match="NOSUCH") as failed:
        await expert.analyse(context_of(expert, market, symbol="NOSUCH"))
    assert failed.value.code is ErrorCode.SYMBOL_INVALID


@pytest.mark.parametrize("symbol", ["MSFT", "AAPL"])
async def test_prices_after_as_of_are_never_asked_for_and_change_nothing(
    expert: Expert, market: DemoMarket, symbol: str
) -> None:
    as_of = market.instant_of(date(2011, 8, 8))
    altered = AlteredFuture(market, known=as_of)
    verdict = await expert.analyse(context_of(expert, altered, symbol, date(2011, 8, 8)))
    assert verdict == await expert.analyse(context_of(expert, market, symbol, date(2011, 8, 8)))
    assert altered.asked
    assert set(altered.asked) == {as_of}


async def test_a_cancel_in_mid_step_ends_the_expert_at_once_and_leaves_nothing_behind(
    expert: Expert, market: DemoMarket
) -> None:
    stalled = StalledPrices(PricesAt(market, market.instant_of(DAYS[-1])))
    context = RecordingContext(expert.settings_model(), stalled, symbol="MSFT")
    task = asyncio.create_task(expert.analyse(context))
    assert await asyncio.to_thread(stalled.asked.wait, EVENT_SECONDS)
    context.cancel()
    task.cancel()
    async with asyncio.timeout(EVENT_SECONDS):
        with pytest.raises((asyncio.CancelledError, Cancelled)):
            await task
    assert not stalled.released.is_set()
    stalled.released.set()
    context.close()
    assert [step.status for step in context.steps] == ["failed"]
    assert context.outputs == []


async def test_an_attempt_announces_its_steps_and_leaves_outputs_and_a_state(
    expert: Expert, market: DemoMarket
) -> None:
    context = context_of(expert, market)
    await expert.analyse(context)
    assert {step.status for step in context.steps} == {"completed"}
    assert len(context.steps) == len({step.name for step in context.steps}) == context.expected_steps
    assert context.outputs
    assert all(output.text and output.step for output in context.outputs)
    assert context.state


async def test_a_resumed_attempt_reuses_what_is_unchanged_and_says_the_same(expert: Expert, market: DemoMarket) -> None:
    first = context_of(expert, market)
    verdict = await expert.analyse(first)
    second = first.resumed()
    assert await expert.analyse(second) == verdict
    assert expert.can_resume
    assert {step.name for step in second.steps if not step.reused} == ALWAYS_DONE_AGAIN[expert.name]
    assert {output.step for output in second.outputs} == ALWAYS_DONE_AGAIN[expert.name]


async def test_every_step_names_only_steps_that_were_begun_before_it(expert: Expert, market: DemoMarket) -> None:
    context = context_of(expert, market)
    await expert.analyse(context)
    begun: list[str] = []
    for step in context.steps:
        assert set(step.depends_on) <= set(begun), step.name
        begun.append(step.name)
    assert any(step.depends_on for step in context.steps)


async def test_the_signals_of_the_technical_rules_do_not_depend_on_each_other(market: DemoMarket) -> None:
    context = context_of(Registry().get("TechnicalRules"), market)
    await Registry().get("TechnicalRules").analyse(context)
    load, *signals, combine = context.steps
    assert (load.always, list(load.depends_on)) == (True, [])
    assert [list(signal.depends_on) for signal in signals] == [["Load prices"]] * 4
    assert list(combine.depends_on) == [signal.name for signal in signals]


async def test_two_attempts_at_the_same_instant_say_the_same(expert: Expert, market: DemoMarket) -> None:
    assert await expert.analyse(context_of(expert, market)) == await expert.analyse(context_of(expert, market))


@pytest.mark.parametrize(
    ("symbol", "day"), [(symbol, day) for symbol in SYMBOLS for day in DAYS if symbol != "DELL" or day < DELISTED]
)
async def test_target_and_stop_lie_on_the_sides_of_the_price_that_the_action_asks_for(
    expert: Expert, market: DemoMarket, symbol: str, day: date
) -> None:
    verdict = await expert.analyse(context_of(expert, market, symbol, day))
    assert_consistent(verdict)
    assert verdict.price == Decimal(repr(float(market.bars(symbol, market.instant_of(day), 1).close[-1]))).quantize(
        Decimal("0.0001")
    )


def assert_consistent(verdict: Verdict) -> None:
    """Fail unless the verdict could be turned into an order as it stands, or asks for none."""
    price, target, stop = verdict.price, verdict.target_price, verdict.stop_price
    assert price is not None
    assert verdict.details
    if verdict.action in {Signal.HOLD, Signal.REVIEW}:
        assert (target, stop, verdict.expected_profit_percent) == (None, None, 0.0)
        return
    assert target is not None
    assert stop is not None
    assert verdict.expected_profit_percent > 0
    assert stop < price < target if verdict.action is Signal.BUY else target < price < stop


async def test_a_delisted_symbol_is_stale_and_its_last_session_is_named(market: DemoMarket) -> None:
    expert = Registry().get("TechnicalRules")
    with pytest.raises(ExpertError, match="2013-10-29") as failed:
        await expert.analyse(context_of(expert, market, "DELL", date(2014, 12, 31)))
    assert failed.value.code is ErrorCode.STALE_DATA


@pytest.mark.parametrize(("day", "enough"), [(date(2005, 3, 10), False), (date(2005, 3, 11), True)])
async def test_fewer_than_300_bars_are_missing_data_and_300_are_enough(
    market: DemoMarket, day: date, enough: bool
) -> None:
    expert = Registry().get("TechnicalRules")
    assert (len(market.bars("MSFT", market.instant_of(day))) >= 300) is enough
    if enough:
        assert (await expert.analyse(context_of(expert, market, day=day))).details
        return
    with pytest.raises(ExpertError, match="MSFT has 299 bars up to 2005-03-10; 300 are needed") as failed:
        await expert.analyse(context_of(expert, market, day=day))
    assert failed.value.code is ErrorCode.DATA_MISSING
