"""The debate desk: the turn and reading of each role, its outputs, and its ways with a bad answer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from pydantic import ValidationError

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import Lesson, Recalled
from ba2_trade_platform.experts.debate_desk.expert import DebateDesk
from ba2_trade_platform.experts.debate_desk.settings import DebateDeskSettings
from ba2_trade_platform.vocabulary import ErrorCode, Signal, TimeHorizon
from tests.fakes.context import RecordingContext
from tests.fakes.debates import AS_OF, MARKET, WrittenResearch, debate
from tests.fakes.models import Asked, FakeModels, decided, tool_call
from tests.patience import EVENT_SECONDS

LABEL = "*scripted, not a language model*"
ANALYSTS = {"technical", "fundamentals", "news", "sentiment"}


def when(role: str, answer: Callable[[Asked], AIMessage]) -> Callable[[Asked], AIMessage | None]:
    return lambda asked: answer(asked) if asked.role == role else None


def close(asked: Asked) -> float:
    return float(asked.facts["numbers"]["close"])


async def test_analysts_and_risk_speak_side_by_side_and_the_others_in_turn(tmp_path: Path) -> None:
    waiting: set[str] = set()
    together = asyncio.Event()

    async def meet(asked: Asked) -> None:
        if asked.role in ANALYSTS and asked.number == 1:
            waiting.add(asked.role)
            if waiting == ANALYSTS:
                together.set()
            await together.wait()

    models = FakeModels(gate=meet)
    async with asyncio.timeout(EVENT_SECONDS):
        await DebateDesk().analyse(debate(tmp_path, models, debate_rounds=2))
    order = [role for role in models.call_log.answered if role not in ANALYSTS]
    assert order[:6] == ["bull", "bear", "bull", "bear", "research_manager", "trader"]
    assert set(order[6:9]) == {"risk_aggressive", "risk_conservative", "risk_neutral"}
    assert order[9:] == ["portfolio_manager"]


async def test_each_reads_the_reports_of_those_who_spoke_before_it(tmp_path: Path) -> None:
    models = FakeModels()
    await DebateDesk().analyse(debate(tmp_path, models, debate_rounds=2, risk_rounds=2))
    read = {(call.role, call.number): set(call.facts.get("reports", {})) for call in models.call_log.asked}
    assert read["technical", 1] == set()
    assert read["bull", 1] == ANALYSTS
    assert read["bear", 2] == ANALYSTS | {"bull", "bear", "bull_2"}
    assert read["research_manager", 1] == ANALYSTS | {"bull", "bear", "bull_2", "bear_2"}
    assert read["risk_neutral", 1] == {"research_manager", "trader"}
    assert {"risk_aggressive", "risk_aggressive_2", "trader", "news"} <= read["portfolio_manager", 1]


async def test_numbers_are_computed_by_code_and_given_to_everybody(tmp_path: Path) -> None:
    models = FakeModels()
    await DebateDesk().analyse(debate(tmp_path, models))
    bars = MARKET.bars("MSFT", AS_OF)
    for call in models.call_log.asked:
        numbers = call.facts["numbers"]
        assert numbers["close"] == float(bars.close[-1])
        assert numbers["sma_50"] == pytest.approx(bars.close[-50:].mean(), rel=1e-5)
        assert numbers["return_21d"] == pytest.approx(100 * (bars.close[-1] / bars.close[-22] - 1), rel=1e-5)
        assert numbers["drawdown"] <= 0 <= numbers["position_in_52w_range"] <= 1
        assert 0 <= numbers["rsi_14"] <= 100


async def test_analysts_without_data_make_no_call_and_are_named_as_absent(tmp_path: Path) -> None:
    models = FakeModels()
    context = debate(tmp_path, models, WrittenResearch())
    await DebateDesk().analyse(context)
    assert {"fundamentals", "news", "sentiment"}.isdisjoint(models.call_log.calls())
    assert context.facts["absent"] == ["fundamentals", "news", "sentiment"]
    summary = next(output.text for output in context.outputs if output.type == "summary")
    assert "- news: there is no news of the last 14 days, or no source of news" in summary
    assert models.call_log.asked[-1].facts["absent"] == ["fundamentals", "news", "sentiment"]


async def test_an_analyst_who_was_sent_home_is_neither_asked_nor_absent(tmp_path: Path) -> None:
    models = FakeModels()
    context = debate(tmp_path, models, news_analyst=False, sentiment_analyst=False)
    await DebateDesk().analyse(context)
    assert {"news", "sentiment"}.isdisjoint(models.call_log.calls())
    assert context.facts["absent"] == []
    assert len(context.steps) == context.expected_steps


def test_a_desk_without_analysts_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least one analyst"):
        DebateDeskSettings(
            technical_analyst=False, fundamentals_analyst=False, news_analyst=False, sentiment_analyst=False
        )


async def test_outputs_are_there_while_the_debate_goes_on(tmp_path: Path) -> None:
    seen: list[list[tuple[str, str]]] = []

    async def look(asked: Asked) -> None:
        if (asked.role, asked.number) == ("technical", 2):
            seen.append(
                [(output.type, output.name) for output in context.outputs if output.step == "Technical analyst"]
            )

    context = debate(tmp_path, FakeModels(gate=look))
    await DebateDesk().analyse(context)
    assert seen == [
        [
            ("message", "Technical analyst: question 1"),
            ("message", "Technical analyst: answer 1"),
            ("tool", "Technical analyst: price_history"),
            ("message", "Technical analyst: question 2"),
        ]
    ]
    kinds = {output.type for output in context.outputs}
    assert kinds == {
        "summary", "data", "tool", "analyst", "debate", "manager", "trader", "risk", "decision", "message",
    }  # fmt: skip
    answer = next(output for output in context.outputs if output.name == "Trader: answer 1")
    assert isinstance(answer.raw, dict)
    assert {"role": "trader", "provider": "fake", "model": "m", "tokens_in": 100, "tokens_out": 20}.items() <= (
        answer.raw.items()
    )


async def test_the_words_of_the_scripted_model_are_labelled_wherever_they_stand(tmp_path: Path) -> None:
    context = debate(tmp_path, FakeModels(provider="scripted"))
    verdict = await DebateDesk().analyse(context)
    theirs = [o for o in context.outputs if o.type not in {"data", "tool"} and ": question" not in o.name]
    assert theirs
    assert [o.name for o in theirs if not o.text.startswith(LABEL + "\n")] == []
    assert verdict.details.startswith(LABEL)
    assert sum(o.type == "message" for o in theirs) == 13


async def test_the_words_of_a_language_model_are_not_labelled(tmp_path: Path) -> None:
    context = debate(tmp_path, FakeModels())
    assert LABEL not in (await DebateDesk().analyse(context)).details
    assert not any(LABEL in output.text for output in context.outputs)


async def test_the_attempt_keeps_models_prompts_and_settings(tmp_path: Path) -> None:
    context = debate(tmp_path, FakeModels())
    await DebateDesk().analyse(context)
    assert context.facts["models"] == {"providers": [{"name": "fake", "kind": "fake", "quick": "m", "deep": "m"}]}
    assert set(context.facts["prompts"]) >= ANALYSTS | {"bull", "bear", "portfolio_manager"}
    assert context.facts["prompt_version"] == "1"
    assert len(set(context.facts["prompts"].values())) == len(context.facts["prompts"])


async def test_a_manager_who_cannot_decide_makes_it_a_review(tmp_path: Path) -> None:
    context = debate(
        tmp_path, FakeModels(when("portfolio_manager", lambda asked: decided("REVIEW", close(asked), confidence=5)))
    )
    verdict = await DebateDesk().analyse(context)
    assert verdict.action is Signal.REVIEW
    assert (verdict.target_price, verdict.stop_price, verdict.expected_profit_percent) == (None, None, 0.0)


BROKEN: dict[str, dict[str, Any]] = {
    "target below the price": {"target_price": 20.0},
    "stop above the price": {"stop_price": 40.0},
    "no stop": {"stop_price": None},
    "target at the price": {"target_price": 35.59},
    "target absurd": {"target_price": 9000.0},
    "target beyond all prices": {"target_price": 1e30},
    "confidence over 100": {"confidence": 101},
    "confidence of nothing": {"confidence": 0},
    "profit beyond the target": {"expected_profit_percent": 50.0},
    "no profit": {"expected_profit_percent": 0.0},
    "unknown action": {"action": "ACCUMULATE"},
    "no reasons": {"reasons": []},
    "infinite": {"confidence": "inf"},
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
async def test_a_decision_that_contradicts_itself_is_corrected_once_or_is_output_invalid(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    def once(asked: Asked) -> AIMessage:
        return decided("BUY", close(asked), **(change if asked.number == 1 else {}))

    models = FakeModels(when("portfolio_manager", once))
    verdict = await DebateDesk().analyse(debate(tmp_path, models))
    assert (verdict.action, models.call_log.calls()["portfolio_manager"]) == (Signal.BUY, 2)

    models = FakeModels(when("portfolio_manager", lambda asked: decided("BUY", close(asked), **change)))
    with pytest.raises(ExpertError) as failed:
        await DebateDesk().analyse(debate(tmp_path / "again", models))
    assert failed.value.code is ErrorCode.OUTPUT_INVALID
    assert models.call_log.calls()["portfolio_manager"] == 2


async def test_a_hold_carries_no_levels_whatever_the_model_says(tmp_path: Path) -> None:
    def hold(asked: Asked) -> AIMessage:
        return decided("HOLD", close(asked), target_price=1.0, stop_price=99.0, expected_profit_percent=5)

    verdict = await DebateDesk().analyse(debate(tmp_path, FakeModels(when("portfolio_manager", hold))))
    assert (verdict.action, verdict.target_price, verdict.stop_price) == (Signal.HOLD, None, None)
    assert (verdict.expected_profit_percent, verdict.time_horizon) == (0.0, TimeHorizon.MEDIUM)


async def test_an_analyst_that_only_asks_for_tools_is_stopped(tmp_path: Path) -> None:
    models = FakeModels(when("technical", lambda _: tool_call("price_history", sessions=1)))
    with pytest.raises(ExpertError, match="The technical analyst asked for tools 3 times and did not answer") as failed:
        await DebateDesk().analyse(debate(tmp_path, models, analyst_calls=3))
    assert failed.value.code is ErrorCode.OUTPUT_INVALID
    assert models.call_log.calls()["technical"] == 3


@pytest.mark.parametrize("role", ["news", "bull", "risk_neutral"])
async def test_an_answer_of_nothing_is_no_answer(tmp_path: Path, role: str) -> None:
    with pytest.raises(ExpertError, match="answered with nothing") as failed:
        await DebateDesk().analyse(debate(tmp_path, FakeModels(when(role, lambda _: AIMessage("  \n")))))
    assert failed.value.code is ErrorCode.OUTPUT_INVALID


async def test_those_who_speak_beside_one_that_fails_come_to_their_end(tmp_path: Path) -> None:
    def script(asked: Asked) -> AIMessage | None:
        if asked.role in {"news", "sentiment"}:
            raise ExpertError(ErrorCode.AUTH, f"fake answered 401 to {asked.role}", provider="fake")
        return None

    context = debate(tmp_path, FakeModels(script))
    with pytest.raises(ExpertError, match="401 to news"):
        await DebateDesk().analyse(context)
    status = {step.name: step.status for step in context.steps}
    assert (status["Technical analyst"], status["Fundamentals analyst"]) == ("completed", "completed")
    assert (status["News analyst"], status["Sentiment analyst"]) == ("failed", "failed")
    assert "Bull researcher" not in status
    assert context.warnings == ["Sentiment analyst failed too: fake answered 401 to sentiment"]


class Remembering:
    """A memory with one lesson, or with trouble."""

    def __init__(self, recalled: Recalled) -> None:
        self.recalled = recalled
        self.asked: list[tuple[str, int]] = []

    async def recall(self, situation: str, limit: int = 3) -> Recalled:
        self.asked.append((situation, limit))
        return self.recalled


LESSON = Lesson(
    7, "MSFT", AS_OF - timedelta(days=90), AS_OF - timedelta(days=9), "BUY", -4.5, "rising", "It was bought too late."
)


async def test_lessons_reach_the_trader_and_the_manager(tmp_path: Path) -> None:
    memory = Remembering(Recalled((LESSON,)))
    context = debate(tmp_path, models := FakeModels(), lessons=2)
    context.memory = memory
    await DebateDesk().analyse(context)
    informed = {call.role for call in models.call_log.asked if "lessons" in call.facts}
    assert informed == {"trader", "portfolio_manager"}
    assert "It was bought too late." in next(o.text for o in context.outputs if o.name == "Recall")
    situation = next(o.text for o in context.outputs if o.name == "Situation")
    assert memory.asked == [(situation, 2)]
    assert "MSFT" in situation


async def test_a_memory_in_trouble_is_a_warning_and_not_a_failure(tmp_path: Path) -> None:
    context = debate(tmp_path, FakeModels())
    context.memory = Remembering(Recalled(warning="The memory could not be opened"))
    assert (await DebateDesk().analyse(context)).details
    assert context.warnings == ["The memory could not be opened"]


async def test_a_desk_without_memory_does_not_ask_it(tmp_path: Path) -> None:
    context = debate(tmp_path, FakeModels(), memory=False)
    context.memory = memory = Remembering(Recalled())
    await DebateDesk().analyse(context)
    assert memory.asked == []


async def test_a_market_without_bars_asks_no_model(tmp_path: Path) -> None:
    context: RecordingContext = debate(tmp_path, models := FakeModels())
    context.symbol = "NOSUCH"
    with pytest.raises(ExpertError):
        await DebateDesk().analyse(context)
    assert models.call_log.asked == []


def test_asking_the_desk_what_it_needs_loads_no_language_library() -> None:
    code = (
        "import sys; from ba2_trade_platform.experts.registry import Registry; e = Registry().get('DebateDesk');"
        "s = e.settings_model(); e.requirements(s); e.providers(s); import ba2_trade_platform.app;"
        "print(sorted({m.partition('.')[0] for m in sys.modules}"
        " & {'langchain', 'langchain_core', 'langgraph', 'openai', 'anthropic', 'chromadb', 'talib', 'aiosqlite'}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
