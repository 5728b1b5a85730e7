"""Practice failures of the scripted model: its name says which role fails, how often, and with which error."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from pydantic import BaseModel

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.demo.scripted_model.model import ScriptedModel
from ba2_trade_platform.demo.scripted_model.practice import SENTENCES, Broken, Practice, practice_of
from ba2_trade_platform.vocabulary import ErrorCode
from tests.facts import prompt
from tests.fakes.leaping_loop import leap

NUMBERS = {"close": 100.0, "sma_50": 90.0, "sma_200": 80.0, "atr_14": 2.0}


class Choice(BaseModel):
    """What to do."""

    action: str


def ask(name: str, symbol: str, role: str = "trader", **options: Any) -> AIMessage:
    """Ask a model that is made for this one call, as a gateway may do."""
    answer = ScriptedModel(model_name=name).bind(**options).invoke(prompt(role, NUMBERS, symbol))
    assert isinstance(answer, AIMessage)
    return answer


def test_a_name_says_what_fails_for_whom_and_how_often() -> None:
    assert practice_of("rules") == practice_of("scripted") == Practice()
    assert practice_of("rules?fail=rate_limit&role=Risk aggressive&times=-1&seconds=0.5") == Practice(
        ErrorCode.RATE_LIMIT, "aggressive", -1, 0.5
    )
    assert practice_of("rules?fail=OUTPUT_INVALID").fail is Broken.MALFORMED


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gpt-5", "There is no scripted model 'gpt-5'; its name is rules"),
        ("", "There is no scripted model ''"),
        ("rules?fail", "rules?fail: behind the ? stands NAME=VALUE, several joined by &"),
        ("rules?fails=AUTH", "there is no option 'fails'; there are fail, role, times and seconds"),
        ("rules?fail=SICK", "'SICK' is no failure to practise; there are RATE_LIMIT, "),
        ("rules?fail=STALE_DATA", "'STALE_DATA' is no failure to practise"),
        ("rules?times=2", "role and times say when to fail, so fail is needed"),
        ("rules?fail=AUTH&role=janitor", "there is no role 'janitor'; for example technical, bull, trader"),
        ("rules?fail=AUTH&times=often", "times must be a whole number from -1 (always) to 1000"),
        ("rules?fail=AUTH&times=-2", "times must be a whole number from -1 (always) to 1000"),
        ("rules?seconds=nan", "seconds must be a number from 0 to 3600"),
        ("rules?seconds=-1", "seconds must be a number from 0 to 3600"),
    ],
)
def test_a_name_that_cannot_be_understood_is_answered_with_a_sentence(name: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        practice_of(name)


@pytest.mark.parametrize("code", SENTENCES)
def test_each_failure_is_what_the_providers_would_be_understood_as(code: ErrorCode) -> None:
    with pytest.raises(ExpertError) as failed:
        ask(f"rules?fail={code}", "EACH")
    assert (failed.value.code, str(failed.value), failed.value.provider) == (code, SENTENCES[code], "scripted")
    assert (failed.value.retry_after is not None) is (code is ErrorCode.RATE_LIMIT)


def test_a_bug_is_a_real_one() -> None:
    with pytest.raises(ZeroDivisionError):
        ask("rules?fail=BUG", "BUG")


def test_it_fails_the_chosen_role_the_chosen_times_for_each_symbol_and_then_answers() -> None:
    name = "rules?fail=PROVIDER_DOWN&role=trader&times=2"
    assert ask(name, "ONE", role="bull").text
    for symbol in ("ONE", "TWO"):
        for _ in range(2):
            with pytest.raises(ExpertError, match="503"):
                ask(name, symbol)
        assert ask(name, symbol).text


def test_times_minus_one_never_answers() -> None:
    for _ in range(5):
        with pytest.raises(ExpertError):
            ask("rules?fail=AUTH&times=-1", "NEVER")


def test_broken_answers_are_broken_as_real_ones_are() -> None:
    whole = ask("rules", "WHOLE").text
    assert ask("rules?fail=EMPTY", "A").text == ""
    cut = ask("rules?fail=TRUNCATED", "WHOLE")
    assert whole.startswith(cut.text)
    assert 0 < len(cut.text) < len(whole)
    assert "finish_reason" not in cut.response_metadata
    assert ask("rules?fail=LENGTH", "B").response_metadata["finish_reason"] == "length"
    assert ask("rules?fail=MALFORMED", "C").text == '{"action": "BUY", "confidence": '


def test_a_malformed_call_of_the_answers_tool_is_an_invalid_call() -> None:
    model = ScriptedModel(model_name="rules?fail=MALFORMED").bind_tools([Choice], tool_choice="Choice")
    broken, whole = (model.invoke(prompt("trader", NUMBERS, "TOOL")) for _ in range(2))
    assert not broken.tool_calls
    assert broken.invalid_tool_calls[0]["name"] == "Choice"
    assert whole.tool_calls[0]["args"] == {"action": "BUY"}


async def test_a_hanging_answer_stops_at_once_when_it_is_cancelled() -> None:
    model = ScriptedModel(model_name="rules?fail=HANG")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await model.ainvoke(prompt("trader", NUMBERS, "HANG"))
    assert (await model.ainvoke(prompt("trader", NUMBERS, "HANG"))).text


def test_an_answer_takes_the_seconds_that_were_asked_for_without_holding_the_loop() -> None:
    answered: list[float] = []

    async def ask_for(seconds: int, number: int) -> None:
        await ScriptedModel(model_name=f"rules?seconds={seconds}").ainvoke(prompt("trader", NUMBERS, f"S{number}"))
        answered.append(asyncio.get_running_loop().time())

    async def all_at_once() -> None:
        await asyncio.gather(*(ask_for(600, number) for number in range(20)), ask_for(0, 20), ask_for(60, 21))

    leap(all_at_once())
    assert answered == pytest.approx([0, 60, *[600] * 20])


async def test_a_streamed_answer_is_the_same_and_ends_with_its_reason_and_usage() -> None:
    messages = prompt("trader", NUMBERS)
    whole = ScriptedModel().invoke(messages)
    pieces = [piece async for piece in ScriptedModel().astream(messages)]
    assert len(pieces) > 2
    together = pieces[0]
    for piece in pieces[1:]:
        together = together + piece
    assert isinstance(together, AIMessageChunk)
    assert together.text == whole.text
    assert together.usage_metadata == whole.usage_metadata
    assert together.response_metadata["finish_reason"] == "stop"
    assert [piece.text for piece in ScriptedModel().stream(messages)] == [piece.text for piece in pieces]


async def test_a_streamed_call_of_a_tool_arrives_whole_and_a_broken_one_stays_broken() -> None:
    messages = prompt("trader", NUMBERS, "STREAM")
    model = ScriptedModel(model_name="rules?fail=MALFORMED").bind_tools([Choice], tool_choice="Choice")
    broken = [piece async for piece in model.astream(messages)][-1]
    assert isinstance(broken, AIMessageChunk)
    assert broken.tool_call_chunks[0]["args"] == '{"action": "BUY", "confidence": '
    whole = [piece async for piece in model.astream(messages)][-1]
    assert isinstance(whole, AIMessageChunk)
    assert whole.tool_calls[0]["args"] == {"action": "BUY"}
