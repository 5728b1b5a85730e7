"""Answer streams: however an answer is cut on its way, it is the same answer with the same usage."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from ba2_trade_platform.llm.answers.heard import Heard
from ba2_trade_platform.llm.answers.thinking import THINKING
from ba2_trade_platform.llm.answers.usage import Usage
from tests.fakes.answer_wires import PROTOCOLS, Said, as_openai, chunk, hear, sse, whole

# All that a JSON string can hold, but nothing that is taken off: marks of thinking, and blanks at the edges.
words = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="<>&[]|◁▷"), max_size=60).map(str.strip)
arguments = st.dictionaries(st.sampled_from(["symbol", "days", "why"]), st.one_of(words, st.integers(), st.none()))
calls = st.lists(st.tuples(st.sampled_from(["price_history", "news"]), arguments.map(json.dumps)), max_size=3)
tokens = st.tuples(st.integers(1, 10**6), st.integers(1, 10**5))


@st.composite
def answers(draw: st.DrawFn) -> Said:
    """Draw what a model may say."""
    made = tuple((f"{name}_{at}", given) for at, (name, given) in enumerate(draw(calls)))
    return Said(draw(words) or "Flat.", draw(words), made, draw(tokens))


def told(heard: Heard) -> tuple[object, ...]:
    """Return all that a caller learns of an answer."""
    message = heard.message()
    assert isinstance(message, AIMessage)
    called = [(call["id"], call["name"], call["args"]) for call in message.tool_calls]
    return message.text, message.additional_kwargs.get(THINKING), called, message.invalid_tool_calls, heard.usage()


def cut_by(numbers: list[int]) -> Callable[[str], list[str]]:
    """Return a cut at these places, as far as a text has them."""

    def cut(text: str) -> list[str]:
        places = sorted({0, len(text), *(number % (len(text) + 1) for number in numbers)})
        return [text[start:end] for start, end in pairwise(places)]

    return cut


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(deadline=None, max_examples=150)
@given(
    said=answers(), cuts=st.lists(st.integers(0, 10**6), max_size=8), bites=st.lists(st.integers(1, 40), max_size=60)
)
def test_an_answer_cut_anywhere_is_the_same_answer(
    protocol: str, said: Said, cuts: list[int], bites: list[int]
) -> None:
    expected = [(f"id{at}", name, json.loads(given)) for at, (name, given) in enumerate(said.calls)]
    if protocol == "ollama":  # which gives its calls no ids
        expected = [(f"call_{at + 1}", *rest) for at, (_, *rest) in enumerate(expected)]
    sent = PROTOCOLS[protocol](said, cut_by(cuts))
    pieces: list[bytes] = []
    for bite in bites:
        pieces.append(sent[:bite])
        sent = sent[bite:]
    text, thinking, called, invalid, usage = told(hear(protocol, [*pieces, sent]))
    assert (text, thinking or "") == (said.text, said.thinking)
    assert (called, invalid) == (expected, [])
    assert usage == Usage(*said.tokens)
    assert told(hear(protocol, [PROTOCOLS[protocol](said, whole)])) == (text, thinking, called, invalid, usage)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_bytes_one_by_one_with_each_end_of_a_line(protocol: str) -> None:
    said = Said("Größe: 5 € 📈 \u2028 and \x85", "Hm — 考える", (("look", '{"symbol": "ÄÖ📉"}'),))
    sent = PROTOCOLS[protocol](said, whole)
    plain = told(hear(protocol, [sent]))
    assert plain[:2] == (said.text, said.thinking)
    for ended in (sent, sent.replace(b"\n", b"\r\n"), sent.replace(b"\n", b"\r"), b"\xef\xbb\xbf" + sent):
        assert told(hear(protocol, [ended[at : at + 1] for at in range(len(ended))])) == plain


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_long_answer_is_put_together_in_a_time_that_grows_with_it(protocol: str) -> None:
    def seconds(pieces: int) -> float:
        said = Said("flat " * pieces, "hm " * pieces, (("look", json.dumps({"why": "x" * 5 * pieces})),))
        sent = PROTOCOLS[protocol](said, lambda text: [text[at : at + 5] for at in range(0, len(text), 5)])
        begun = time.process_time()
        told(hear(protocol, [sent]))
        return time.process_time() - begun

    seconds(100)
    short, long = seconds(1_000), seconds(8_000)
    assert long < 30 * short, "eight times the chunks take about eight times as long; joined one by one it were 64"


def test_comments_empty_events_and_a_missing_done_do_no_harm() -> None:
    said = Said("The trend is flat.")
    plain = told(hear("openai", [as_openai(said)]))
    noisy = as_openai(said).replace(b"data: {", b": keep-alive\n\ndata:\n\nevent: ping\ndata: \n\nid: 7\ndata: {")
    assert told(hear("openai", [noisy])) == plain
    assert told(hear("openai", [noisy.removesuffix(b"data: [DONE]\n\n")])) == plain
    assert told(hear("openai", [as_openai(said).replace(b"\n\n", b"\n")])) == plain, "events parted by one line end"


def test_what_stands_behind_done_is_no_answer() -> None:
    heard = hear(
        "openai", [sse(chunk({"content": "Flat"}), chunk(finish="stop")), sse(chunk({"content": " and more"}))]
    )
    assert told(heard)[0] == "Flat"


def test_a_bad_ending_stays_one_whatever_follows() -> None:
    heard = hear("openai", [sse(chunk({"content": "Fl"}, "error"), chunk({"content": "at"}, "stop"))])
    assert heard.ending == "error"
