"""Usage: the last or largest figure counts, one that is missing is unknown, and none counts twice."""

from __future__ import annotations

from typing import Any

import pytest

from ba2_trade_platform.llm.answers.usage import Usage
from tests.fakes.answer_wires import chunk, hear, sse, usage_of

TEXT, END = chunk({"content": "Flat"}), chunk(finish="stop")


def of_openai(*usages: Any, beside: bool = False) -> Usage:
    """Return the usage of an answer whose chunks say these."""
    chunks = [{"choices": [], "usage": usage} for usage in usages]
    return hear("openai", [sse(TEXT, *chunks, END)]).usage(beside=beside)


def of_anthropic(start: Any, *deltas: Any) -> Usage:
    """Return the usage of an answer that begins and goes on with these."""
    told = [{"type": "message_start", "message": {"usage": start}}]
    told += [{"type": "message_delta", "delta": {}, "usage": delta} for delta in deltas]
    return hear("anthropic", [sse(*told, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}})]).usage()


def test_what_grows_with_each_chunk_is_counted_once() -> None:
    growing = [usage_of(1000, out, total_tokens=1000 + out) for out in range(50)]
    assert of_openai(*growing) == Usage(1000, 49)
    assert of_openai(*growing, usage_of(1000, 49)) == Usage(1000, 49)
    assert of_openai(usage_of(1000, 49), usage_of(1000, 0), None) == Usage(1000, 49)


@pytest.mark.parametrize(
    "place",
    [
        {"usage": usage_of(9, 4)},
        {"x_groq": {"id": "r", "usage": usage_of(9, 4)}},
        {"usage": {"input_tokens": 9, "output_tokens": 4}},
        {"usage": usage_of(9.0, 4.0)},
    ],
)
def test_each_vendor_says_it_in_its_own_place(place: dict[str, Any]) -> None:
    assert hear("openai", [sse(TEXT, {**END, **place})]).usage() == Usage(9, 4)


def test_kimi_says_it_in_the_choice() -> None:
    choice = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage_of(9, 4, cached_tokens=3)}
    assert hear("openai", [sse(TEXT, {"choices": [choice]})]).usage() == Usage(9, 4, 3)


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        (None, Usage()), ({}, Usage()), ([], Usage()), ("many", Usage()),
        (usage_of(None, None), Usage()),
        (usage_of("9", "4"), Usage()),
        (usage_of(-9, -4), Usage()),
        (usage_of(True, True), Usage()),
        (usage_of(9.5, 4.5), Usage()),
        (usage_of(9, None), Usage(9, None)),
        (usage_of(9, "4"), Usage(9, None)),
        (usage_of(9, 0), Usage(9, 0)),
        (usage_of(0, 4), Usage(None, 4)),
        (usage_of(0, 0), Usage()),
        (usage_of(None, 0), Usage()),
        (usage_of(9, 4, prompt_tokens_details=None, completion_tokens_details=None), Usage(9, 4)),
        (usage_of(9, 4, prompt_tokens_details={"cached_tokens": None}), Usage(9, 4)),
        (usage_of(9, 4, prompt_tokens_details={"cached_tokens": 99}), Usage(9, 4)),
    ],
)  # fmt: skip
def test_what_is_no_count_is_unknown_and_never_none_at_all(said: Any, usage: Usage) -> None:
    assert of_openai(said) == usage


@pytest.mark.parametrize(
    "said",
    [
        {"prompt_tokens_details": {"cached_tokens": 6}},
        {"prompt_cache_hit_tokens": 6, "prompt_cache_miss_tokens": 3},
        {"cached_tokens": 6},
    ],
)
def test_cached_tokens_are_read_in_each_vendors_words(said: dict[str, Any]) -> None:
    assert of_openai(usage_of(9, 4, **said)) == Usage(9, 4, 6)


def test_cached_tokens_of_anthropic_stand_beside_the_others() -> None:
    start = {"input_tokens": 10, "cache_read_input_tokens": 80, "cache_creation_input_tokens": 5, "output_tokens": 1}
    assert of_anthropic(start, {"output_tokens": 30}, {"output_tokens": 44}) == Usage(95, 44, 80, None, 5)
    assert of_anthropic({"input_tokens": 10, "output_tokens": 1}, {"output_tokens": 44}) == Usage(10, 44)
    assert of_anthropic({"input_tokens": 10}, {"input_tokens": 10, "output_tokens": 7}) == Usage(10, 7)
    assert of_anthropic({"input_tokens": 0, "output_tokens": 0}, {"output_tokens": 7}) == Usage(None, 7)


@pytest.mark.parametrize(
    ("more", "beside", "usage"),
    [
        ({"completion_tokens_details": {"reasoning_tokens": 30}}, False, Usage(100, 40, None, 30)),
        ({"reasoning_tokens": 30}, False, Usage(100, 40, None, 30)),
        ({"reasoning_tokens": 30}, True, Usage(100, 70, None, 30)),
        ({"reasoning_tokens": 30, "total_tokens": 140}, True, Usage(100, 40, None, 30)),
        ({"reasoning_tokens": 30, "total_tokens": 170}, True, Usage(100, 70, None, 30)),
        ({"reasoning_tokens": 30, "total_tokens": 170}, False, Usage(100, 70, None, 30)),
        ({"total_tokens": 170}, True, Usage(100, 70, None, 30)),
        ({"total_tokens": 170}, False, Usage(100, 40)),
        ({"total_tokens": 140}, True, Usage(100, 40)),
        ({"reasoning_tokens": 90}, False, Usage(100, 130, None, 90)),
        ({"reasoning_tokens": 0}, True, Usage(100, 40, None, 0)),
    ],
)
def test_tokens_of_thinking_are_counted_and_not_twice(more: dict[str, Any], beside: bool, usage: Usage) -> None:
    assert of_openai(usage_of(100, 40, **more), beside=beside) == usage


def test_an_answer_that_did_not_end_has_no_count_of_its_words() -> None:
    assert hear("openai", [sse({**TEXT, "usage": usage_of(9, 1)})]).usage() == Usage(9, None)
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}}
    assert hear("anthropic", [sse(start)]).usage() == Usage(9, None)


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        (
            usage_of(1000, 50, total_tokens=1050, cache_read_input_tokens=800, cache_creation_input_tokens=100),
            (800, 100),
        ),
        (usage_of(1000, 50, cache_read_input_tokens=800, cache_creation_input_tokens=0), (800, 0)),
        (
            usage_of(100, 50, total_tokens=1050, cache_read_input_tokens=800, cache_creation_input_tokens=100),
            (800, 100),
        ),
        (usage_of(100, 50, cache_read_input_tokens=900), (900, None)),
        (
            {"input_tokens": 1000, "output_tokens": 50, "total_tokens": 1050, "cache_read_input_tokens": 800},
            (800, None),
        ),
        (usage_of(1000, 50, cache_read_input_tokens=0, prompt_tokens_details={"cached_tokens": 800}), (800, None)),
    ],
)
def test_a_proxy_that_hands_on_what_a_cache_held_is_not_charged_twice(said: Any, usage: tuple[int, int | None]) -> None:
    cached, written = usage
    assert of_openai(said) == Usage(1000, 50, cached, tokens_written=written)
