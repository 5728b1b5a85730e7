"""Resumed debates go on at the call that failed: proved by counting the calls a real chat model gets."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage

from ba2_trade_platform.core.contracts.experts import Bars, ExpertError, PricesAsOf, Verdict
from ba2_trade_platform.experts.debate_desk.expert import DebateDesk
from ba2_trade_platform.vocabulary import ErrorCode, Mode
from tests.fakes.context import RecordingContext
from tests.fakes.debates import debate, following
from tests.fakes.models import Asked, FakeModels, tool_call
from tests.patience import EVENT_SECONDS

ANALYSTS = {"technical": 2, "fundamentals": 1, "news": 1, "sentiment": 1}
TALK = {"bull": 1, "bear": 1, "research_manager": 1, "trader": 1, "portfolio_manager": 1}
RISK = {f"risk_{role}": 1 for role in ("aggressive", "conservative", "neutral")}
WHOLE = ANALYSTS | TALK | RISK


def busy(role: str, number: int) -> Callable[[Asked], AIMessage | None]:
    """Return a script in which one call of one role meets a 429."""

    def script(asked: Asked) -> AIMessage | None:
        if (asked.role, asked.number) == (role, number):
            raise ExpertError(ErrorCode.RATE_LIMIT, "fake answered 429", retry_after=2, provider="fake")
        return None

    return script


async def failed(context: RecordingContext) -> ExpertError:
    with pytest.raises(ExpertError) as raised:
        await DebateDesk().analyse(context)
    return raised.value


async def test_a_debate_without_trouble_makes_each_call_once(tmp_path: Path) -> None:
    models = FakeModels()
    await DebateDesk().analyse(debate(tmp_path, models))
    assert models.call_log.calls() == WHOLE


async def test_after_a_429_in_one_analyst_only_the_call_that_failed_is_made_again(tmp_path: Path) -> None:
    # 4 analysts, of which one uses a tool: the sixth call, the technical analyst's third, meets the 429.
    def script(asked: Asked) -> AIMessage | None:
        if asked.role != "technical":
            return None
        if asked.number == 2:
            return tool_call("indicator", name="rsi_14", sessions=3)
        return busy("technical", 3)(asked)

    models = FakeModels(script)
    first = debate(tmp_path, models)
    error = await failed(first)
    assert (error.code, error.retry_after, error.provider) == (ErrorCode.RATE_LIMIT, 2, "fake")
    assert models.call_log.calls() == {"technical": 3, "fundamentals": 1, "news": 1, "sentiment": 1}
    assert len(models.call_log.asked) == 6

    # The call that failed is made again; it asks for one tool more, and the next one is the report: two calls.
    again = FakeModels(
        lambda asked: tool_call("price_history") if (asked.role, asked.number) == ("technical", 1) else None
    )
    await DebateDesk().analyse(following(first, models=again))
    assert again.call_log.calls() == TALK | RISK | {"technical": 2}
    went_on = [call for call in again.call_log.asked if call.role == "technical"]
    assert [len(call.tool_results) for call in went_on] == [2, 3]
    assert [sum(message.type == "human" for message in call.messages) for call in went_on] == [1, 1]


async def test_the_manager_alone_is_asked_again_when_only_the_manager_failed(tmp_path: Path) -> None:
    models = FakeModels(busy("portfolio_manager", 1))
    first = debate(tmp_path, models)
    await failed(first)
    before = len(models.call_log.asked)
    verdict = await DebateDesk().analyse(following(first))
    assert len(models.call_log.asked) == before + 1
    assert verdict == await DebateDesk().analyse(debate(tmp_path / "other", FakeModels()))


async def test_what_an_earlier_attempt_was_answered_stays_readable_and_is_marked(tmp_path: Path) -> None:
    first = debate(tmp_path, FakeModels(busy("technical", 2)))
    await failed(first)
    second = following(first)
    await DebateDesk().analyse(second)
    texts = [output.text for output in second.outputs if output.step == "Technical analyst"]
    assert any("in an earlier attempt, and not paid for again" in text for text in texts)
    assert any("From an earlier attempt." in text for text in texts)


@pytest.mark.parametrize(("role", "step"), [("technical", "Technical analyst"), ("trader", "Trader")])
async def test_a_question_that_was_never_answered_is_shown_whole_again(tmp_path: Path, role: str, step: str) -> None:
    first = debate(tmp_path, FakeModels(busy(role, 1)))
    await failed(first)
    second = following(first)
    await DebateDesk().analyse(second)
    question = next(output.text for output in second.outputs if output.name == f"{step}: question 1")
    assert question.startswith("**system**")
    assert "**human**" in question


@pytest.mark.parametrize("mode", [Mode.FROM_STEP, Mode.ONLY])
async def test_a_step_that_is_to_be_done_again_begins_anew(tmp_path: Path, mode: Mode) -> None:
    first = debate(tmp_path, FakeModels(busy("technical", 2)))
    await failed(first)
    again = FakeModels()
    await DebateDesk().analyse(following(first, mode, without={"Technical analyst"}, models=again))
    assert again.call_log.calls()["technical"] == 2


async def test_a_fresh_attempt_pays_for_everything_and_leaves_no_old_thread(tmp_path: Path) -> None:
    first = debate(tmp_path, FakeModels(busy("technical", 2)))
    await failed(first)
    again = FakeModels(busy("bear", 1))
    await failed(following(first, Mode.FRESH, models=again))
    assert again.call_log.calls() == ANALYSTS | {"bull": 1, "bear": 1}
    assert {thread.split("-")[1] for thread in threads(tmp_path)} == {"2"}


async def test_a_thread_of_other_settings_never_comes_back(tmp_path: Path) -> None:
    first = debate(tmp_path, FakeModels(busy("technical", 2)))
    await failed(first)
    again = FakeModels()
    await DebateDesk().analyse(following(first, models=again, temperature=0.5))
    assert again.call_log.calls() == WHOLE


@pytest.mark.parametrize("change", [{"budget_per_day_usd": 9.0}, {"call_timeout_seconds": 9.0}, {"providers": ("b",)}])
async def test_a_changed_budget_or_route_pays_for_nothing_again(tmp_path: Path, change: dict[str, object]) -> None:
    first = debate(tmp_path, FakeModels(busy("technical", 2)))
    await failed(first)
    again = FakeModels()
    await DebateDesk().analyse(following(first, models=again, **change))
    assert again.call_log.calls()["technical"] == 1
    assert again.call_log.calls()["news"] == 0


class Restated:
    """A market whose volume of long ago was corrected: none of the newest numbers tells."""

    def __init__(self, prices: PricesAsOf) -> None:
        self._prices = prices

    def bars(self, symbol: str, limit: int | None = None) -> Bars:
        """Return the bars with one volume changed."""
        bars = self._prices.bars(symbol, limit)
        volume = bars.volume.copy()
        volume[len(volume) - 100] += 1
        return replace(bars, volume=volume)


async def test_prices_that_were_corrected_since_have_the_analysts_read_again(tmp_path: Path) -> None:
    first = debate(tmp_path, FakeModels(busy("research_manager", 1)))
    await failed(first)
    models = FakeModels()
    again = following(first, models=models)
    again.prices = Restated(first.prices)
    await DebateDesk().analyse(again)
    # The analysts come to the same reports, so what was said of those stands.
    assert models.call_log.calls() == Counter(WHOLE) - Counter({"bull": 1, "bear": 1})


async def test_threads_that_nobody_came_back_to_for_a_month_are_forgotten(tmp_path: Path) -> None:
    await failed(debate(tmp_path, FakeModels(busy("trader", 1))))
    left = threads(tmp_path)
    await failed(another(tmp_path))
    assert set(left) < set(threads(tmp_path))
    with sqlite3.connect(tmp_path / "checkpoints.sqlite") as connection:
        for table in ("checkpoints", "writes"):
            older = f"UPDATE {table} SET checkpoint_id = '1f0' || substr(checkpoint_id, 4) WHERE thread_id = ?"
            connection.executemany(older, [(thread,) for thread in left])
    await failed(another(tmp_path))
    assert not set(left) & set(threads(tmp_path))
    assert threads(tmp_path)
    with sqlite3.connect(tmp_path / "checkpoints.sqlite") as connection:
        written = {row[0] for row in connection.execute("SELECT DISTINCT thread_id FROM writes")}
    assert not set(left) & written


def another(folder: Path) -> RecordingContext:
    """Return an attempt of another analysis, which will fail."""
    context = debate(folder, FakeModels(busy("trader", 1)))
    context.analysis_id = 2
    return context


async def test_a_debate_that_completed_leaves_no_thread_behind(tmp_path: Path) -> None:
    await DebateDesk().analyse(debate(tmp_path, FakeModels()))
    assert threads(tmp_path) == []


async def test_threads_of_another_analysis_are_left_alone(tmp_path: Path) -> None:
    other = debate(tmp_path, FakeModels(busy("technical", 2)))
    other.analysis_id = 11
    await failed(other)
    before = threads(tmp_path)
    await DebateDesk().analyse(debate(tmp_path, FakeModels()))
    assert threads(tmp_path) == before != []


async def test_analyses_at_once_share_the_file_and_each_goes_on_in_its_own_thread(tmp_path: Path) -> None:
    desk = DebateDesk()
    firsts = [debate(tmp_path, FakeModels(busy("technical", 2))) for _ in range(5)]
    for number, context in enumerate(firsts, 1):
        context.analysis_id = number
    ended = await asyncio.gather(*(desk.analyse(context) for context in firsts), return_exceptions=True)
    assert all(isinstance(error, ExpertError) for error in ended)
    again = FakeModels()
    seconds = [following(context, models=again) for context in firsts]
    for number, context in enumerate(seconds, 1):
        context.analysis_id = number
    done = await asyncio.gather(*(desk.analyse(context) for context in seconds))
    assert all(isinstance(verdict, Verdict) for verdict in done)
    assert again.call_log.calls()["technical"] == 5


async def test_a_file_that_is_no_database_is_moved_aside_and_the_debate_goes_on(tmp_path: Path) -> None:
    (tmp_path / "checkpoints.sqlite").write_bytes(b"this is not a database" * 100)
    models = FakeModels(busy("technical", 2))
    first = debate(tmp_path, models)
    await failed(first)
    assert first.warnings == [
        "The checkpoints could not be read (file is not a database); the file was moved aside as"
        " checkpoints.sqlite.broken"
    ]
    assert (tmp_path / "checkpoints.sqlite.broken").read_bytes().startswith(b"this is not")
    again = FakeModels()
    await DebateDesk().analyse(following(first, models=again))
    assert again.call_log.calls()["technical"] == 1


async def test_a_file_that_another_program_holds_costs_the_checkpoints_and_not_the_debate(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "checkpoints.sqlite")
    holder.execute("BEGIN EXCLUSIVE")
    context = debate(tmp_path, FakeModels())
    assert (await DebateDesk().analyse(context)).details
    holder.close()
    assert len(context.warnings) == 1
    assert "cannot be opened (database is locked)" in context.warnings[0]


async def test_a_file_that_fails_in_mid_debate_costs_the_checkpoints_and_not_the_debate(tmp_path: Path) -> None:
    async def drop_tables(asked: Asked) -> None:
        if (asked.role, asked.number) == ("research_manager", 1):
            with sqlite3.connect(tmp_path / "checkpoints.sqlite") as other:
                other.execute("DROP TABLE checkpoints")

    context = debate(tmp_path, FakeModels(gate=drop_tables))
    assert (await DebateDesk().analyse(context)).details
    assert len(context.warnings) == 1
    assert "The checkpoints failed (no such table: checkpoints)" in context.warnings[0]


async def test_a_cancel_stops_the_call_in_flight_and_a_resume_goes_on_there(tmp_path: Path) -> None:
    reached = asyncio.Event()

    async def hold(asked: Asked) -> None:
        if asked.role == "technical" and asked.number == 2:
            reached.set()
            await asyncio.Event().wait()

    models = FakeModels(gate=hold)
    first = debate(tmp_path, models)
    task = asyncio.create_task(DebateDesk().analyse(first))
    await reached.wait()
    first.cancel()
    task.cancel()
    async with asyncio.timeout(EVENT_SECONDS):
        with pytest.raises(BaseException):  # noqa: B017, PT011 - the context's own, or asyncio's
            await task
    assert "technical" in models.call_log.cancelled
    again = FakeModels()
    await DebateDesk().analyse(following(first, models=again))
    assert again.call_log.calls()["technical"] == 1


def threads(folder: Path) -> list[str]:
    """Return the threads that the file holds."""
    with sqlite3.connect(folder / "checkpoints.sqlite") as connection:
        return [row[0] for row in connection.execute("SELECT DISTINCT thread_id FROM checkpoints ORDER BY 1")]
