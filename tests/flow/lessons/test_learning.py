"""Learning: a lesson is written when the market has judged a decision, once, and dated when it could be known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ba2_trade_platform.core.base.errors import NotFound, SwitchedOff
from tests.memories import JUNE, remembering
from tests.platforms import TRADER


def test_a_decision_becomes_one_lesson_once_its_horizon_has_passed(tmp_path: Path) -> None:
    with remembering(tmp_path) as desk:
        (analysis_id,) = desk.decide(desk.instance(), "AAPL")
        learnt = desk.platform.memory.learn()
        assert learnt.sentence == "1 new lesson; no other decision waits for its outcome"
        (lesson,) = desk.platform.lessons.list().items
        assert (lesson.analysis_id, lesson.attempt, lesson.symbol) == (analysis_id, 1, "AAPL")
        assert (lesson.as_of, lesson.action, lesson.situation) == (JUNE, "BUY", "The trend is up and the RSI is high")
        # Ten sessions after the close of 3 June is the close of 17 June.
        assert lesson.known_at == datetime(2013, 6, 17, 20, tzinfo=UTC)
        bars = desk.platform.prices.bars("AAPL", lesson.known_at, 11)
        assert lesson.return_percent == pytest.approx(100 * (bars.close[-1] / bars.close[0] - 1), abs=0.001)
        assert lesson.rise_percent == pytest.approx(100 * (max(bars.high[1:]) / bars.close[0] - 1), abs=0.001)
        assert lesson.was_right is (lesson.return_percent > 0)
        assert "Because the trend is up" in lesson.decision
        assert f"the price moved {lesson.return_percent:+.1f} % in 10 sessions" in lesson.reflection
        assert desk.platform.memory.learn().lessons == 0


def test_an_outcome_that_is_not_known_yet_waits(tmp_path: Path) -> None:
    with remembering(tmp_path) as desk:
        soon = desk.platform.prices.clock.now() - timedelta(days=5)
        desk.decide(desk.instance(), "AAPL", as_of=soon)
        assert desk.platform.memory.learn().sentence == "No new lesson; 1 decision waits for an outcome"
        assert desk.platform.lessons.list().items == ()


def test_an_expert_that_does_not_remember_teaches_nothing(tmp_path: Path) -> None:
    with remembering(tmp_path) as desk:
        desk.decide(desk.instance(memory=False), "AAPL")
        desk.decide(desk.instance("Undecided", action="REVIEW"), "MSFT")
        assert desk.platform.memory.learn().lessons == 0


def test_a_split_meanwhile_neither_meets_a_stop_nor_makes_a_loss(tmp_path: Path) -> None:
    before_seven_for_one = datetime(2014, 6, 2, 20, tzinfo=UTC)
    with remembering(tmp_path) as desk:
        instance = desk.instance(stop_percent=-20, target_percent=50)
        desk.decide(instance, "AAPL", as_of=before_seven_for_one)
        desk.platform.memory.learn()
        (lesson,) = desk.platform.lessons.list().items
        assert lesson.met_first is None
        assert abs(lesson.return_percent) < 10
        assert lesson.price_then < 100


def test_a_stop_that_was_met_makes_the_decision_wrong(tmp_path: Path) -> None:
    with remembering(tmp_path) as desk:
        desk.decide(desk.instance(stop_percent=-0.1, target_percent=90), "AAPL")
        desk.platform.memory.learn()
        (lesson,) = desk.platform.lessons.list().items
        assert (lesson.met_first, lesson.was_right) == ("stop", False)
        assert "Its stop was met first, on 2013-06-" in lesson.reflection


def test_a_deleted_lesson_is_gone_not_learnt_again_and_can_be_brought_back(tmp_path: Path) -> None:
    with remembering(tmp_path) as desk:
        desk.decide(desk.instance(), "AAPL", "MSFT")
        memory, lessons = desk.platform.memory, desk.platform.lessons
        memory.learn()
        first = min(row.id for row in lessons.list().items)
        memory.delete(first, by=TRADER)
        assert memory.learn().lessons == 0
        with pytest.raises(NotFound, match=f"Lesson {first} not found"):
            lessons.get(first)
        assert lessons.count() == 1
        memory.restore(first, by=TRADER)
        assert lessons.count() == 2


def test_a_lesson_outlives_its_analysis(tmp_path: Path) -> None:
    with remembering(tmp_path) as desk:
        (analysis_id,) = desk.decide(desk.instance())
        desk.platform.memory.learn()
        desk.platform.analyses.delete(analysis_id, by=TRADER)
        (lesson,) = desk.platform.lessons.list().items
        assert not lesson.analysis_exists


def test_a_memory_that_is_switched_off_learns_and_recalls_nothing(tmp_path: Path) -> None:
    with remembering(tmp_path, memory=False) as desk:
        instance = desk.instance()
        desk.decide(instance)
        with pytest.raises(SwitchedOff, match="BA2_MEMORY is 0"):
            desk.platform.memory.learn()
        assert desk.recalled(instance, JUNE + timedelta(days=60)).lessons == ()
        assert desk.platform.memory.status().sentence == "The memory is switched off: BA2_MEMORY is 0"
