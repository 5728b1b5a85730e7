"""Shortening of questions: the order in which parts go, the parts that stay, and the words for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from ba2_trade_platform.core.contracts.model_windows import Shortened
from ba2_trade_platform.experts.debate_desk.prompts import facts_text
from ba2_trade_platform.experts.debate_desk.shortening import Shortening

NUMBERS = {"close": 96.43, "rsi_14": 51.2}
ARTICLES = [{"published_at": f"2014-12-{day:02}T15:00:00+00:00", "headline": f"News of day {day} " * 20} for day in
            range(30, 10, -1)]  # fmt: skip
REPORTS = {
    name: f"{name} says much. " * 200 for name in ("technical", "bull", "bear", "bull_2", "bear_2", "bull_3", "bear_3")
}
BLOCK = {"role": "news", "numbers": NUMBERS, "articles": ARTICLES, "reports": REPORTS, "figures": [{"value": 1}] * 9}


def question(block: dict[str, Any], *talk: BaseMessage) -> list[BaseMessage]:
    """Return a conversation about these facts."""
    return [SystemMessage("You are the news analyst."), HumanMessage(facts_text(block), id="facts"), *talk]


def shorter_than(characters: int) -> Callable[[Sequence[BaseMessage]], bool]:
    """Return what tells whether a conversation has at most so many characters."""
    return lambda messages: sum(len(message.text) for message in messages) <= characters


def facts_of(shortened: Shortened) -> dict[str, Any]:
    """Return the facts that are left."""
    text = shortened.messages[1].text
    found: dict[str, Any] = json.loads(text.split("```facts\n")[1].split("\n```")[0])
    return found


def size(messages: Sequence[BaseMessage]) -> int:
    """Return the characters of a conversation."""
    return sum(len(message.text) for message in messages)


def test_the_oldest_news_goes_before_any_report_is_touched() -> None:
    asked = question(BLOCK)
    found = Shortening(BLOCK)(asked, shorter_than(size(asked) - 2000))
    facts = facts_of(found)
    kept = [item["published_at"] for item in facts["articles"]]
    assert kept == [item["published_at"] for item in ARTICLES][: len(kept)]
    assert 10 < len(kept) < 20
    assert facts["reports"] == REPORTS
    assert found.left_out == (f"the {20 - len(kept)} oldest of 20 articles",)
    assert facts["left_out"] == f"Not given to you, for it would not have fitted: {found.left_out[0]}"


def test_news_in_any_order_loses_its_oldest() -> None:
    block = {**BLOCK, "articles": list(reversed(ARTICLES))}
    asked = question(block)
    kept = facts_of(Shortening(block)(asked, shorter_than(size(asked) - 2000)))["articles"]
    assert kept[-1] == ARTICLES[0]
    assert ARTICLES[-1] not in kept


def test_earlier_rounds_are_shortened_before_the_last_one_and_the_analysts() -> None:
    block = {**BLOCK, "articles": []}
    asked = question(block)
    reports = facts_of(Shortening(block)(asked, shorter_than(size(asked) - 8000)))["reports"]
    touched = {name for name, text in reports.items() if text != REPORTS[name]}
    assert touched == {"bull", "bear", "bull_2", "bear_2"}
    assert reports["bull"].endswith("characters left out]")


def test_numbers_figures_and_the_prompt_are_never_touched_and_nothing_is_lost_in_silence() -> None:
    found = Shortening(BLOCK)(question(BLOCK), lambda _: False)
    facts = facts_of(found)
    assert (facts["numbers"], facts["figures"]) == (NUMBERS, BLOCK["figures"])
    assert found.messages[0].text == "You are the news analyst."
    assert len(facts["articles"]) == 1
    assert len(found.left_out) == 1 + len(REPORTS)
    assert all(words in facts["left_out"] for words in found.left_out)


def test_results_of_tools_that_were_read_already_go_first() -> None:
    call = {"name": "news", "args": {}, "id": "1"}
    old, new = (ToolMessage(f"{word} " * 2000, tool_call_id="1") for word in ("old", "new"))
    asked = question(BLOCK, AIMessage("", tool_calls=[call]), old, AIMessage("", tool_calls=[call]), new)
    found = Shortening(BLOCK)(asked, shorter_than(size(asked) - 5000))
    assert len(found.messages[3].text) < 3000
    assert found.messages[3].tool_call_id == "1"  # type: ignore[attr-defined]  # it is a tool's
    assert found.messages[5] == new
    assert facts_of(found)["articles"] == json.loads(json.dumps(ARTICLES))
    assert found.left_out == ("parts of 1 results of tools",)


def test_what_holds_nothing_to_leave_out_stays_as_it_is() -> None:
    block = {"role": "technical", "numbers": NUMBERS}
    asked = question(block)
    assert Shortening(block)(asked, lambda _: False) == Shortened(asked, ())


def test_a_corrective_question_keeps_its_correction() -> None:
    asked = question(BLOCK, HumanMessage("Your answer could not be used: it holds no Decision"))
    found = Shortening(BLOCK)(asked, lambda _: False)
    assert found.messages[2] == asked[2]


def test_lessons_lose_the_least_similar() -> None:
    block = {"role": "trader", "numbers": NUMBERS, "lessons": [{"reflection": f"{place} " * 300} for place in range(5)]}
    asked = question(block)
    found = Shortening(block)(asked, shorter_than(size(asked) // 2))
    assert [item["reflection"][0] for item in facts_of(found)["lessons"]] == ["0", "1"]
    assert found.left_out == ("the 3 least similar of 5 lessons",)
