"""A debate's detail page: read from the summary down to each prompt of its models."""

from __future__ import annotations

from nicegui.testing import User

from ba2_trade_platform.ui.analysis.output_reader import Written
from ba2_trade_platform.ui.analysis.sections import sections
from ba2_trade_platform.ui.kit.desk import Desk
from tests.platforms import TRADER, drain, submit
from tests.ui.elements import unfold

LABEL = "scripted, not a language model"


async def test_a_debate_is_read_in_sections_and_its_messages_are_folded_away(user: User, desk: Desk) -> None:
    instance = desk.platform.experts.create("DebateDesk", "Debaters", {}, by=TRADER).id
    analysis_id = submit(desk.platform, instance)
    drain(desk.platform)
    await user.open(f"/market_analysis/{analysis_id}")
    for title in ("Summary", "Data", "Technical analyst", "Debate", "Manager", "Trader", "Risk", "Decision"):
        await user.should_see(title)
    await user.should_see(LABEL)
    await user.should_not_see("Trader: question 1", retries=1)
    unfold(user, "section-Messages to and from models")
    await user.should_see("Trader: question 1")


async def test_a_review_shows_no_numbers_that_nobody_decided(user: User, desk: Desk) -> None:
    broken = "scripted:rules?fail=MALFORMED&role=portfolio_manager&times=-1"
    settings = {"deep_model": broken, "call_retries": 0}
    instance = desk.platform.experts.create("DebateDesk", "Broken", settings, by=TRADER, max_retries=0).id
    analysis_id = submit(desk.platform, instance)
    drain(desk.platform)
    await user.open(f"/market_analysis/{analysis_id}")
    await user.should_see("REVIEW")
    await user.should_not_see("Expected profit", retries=1)
    await user.should_not_see("1.0 %", retries=1)


def test_sections_come_in_the_order_of_reading() -> None:
    kinds = [
        "message",
        "data",
        "analyst",
        "tool",
        "risk",
        "debate",
        "trader",
        "manager",
        "decision",
        "summary",
        "odd",
        "thinking",
    ]
    found = sections([Written(i, None, kind, kind, "text", 4) for i, kind in enumerate(kinds)])
    assert [part.title for part in found.values()] == [
        "Summary", "Data", "Tool outputs", "analyst", "Debate", "Manager", "Trader", "Risk", "Decision",
        "Thinking", "Messages to and from models", "Other outputs",
    ]  # fmt: skip
    folded = [part.title for part in found.values() if part.folded]
    assert folded == ["Tool outputs", "Thinking", "Messages to and from models"]


def test_the_outputs_of_other_experts_stand_as_they_are() -> None:
    outputs = [Written(i, None, kind, kind, "text", 4) for i, kind in enumerate(["prices", "signal", "decision"])]
    assert [(part.title, part.outputs) for part in sections(outputs).values()] == [("", tuple(outputs))]
