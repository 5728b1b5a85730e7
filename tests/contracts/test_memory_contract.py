"""The contract of memories: nothing that was not known at as_of, nothing of its own, and never an error."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ba2_trade_platform.core.contracts.language_models import Memory, NoMemory
from ba2_trade_platform.memory.recall import Recall
from tests.fakes.memory import RememberedLessons, lesson
from tests.memories import Rememberer, remembering

KNOWN = datetime(2013, 6, 17, 20, tzinfo=UTC)  # when the outcome of JUNE's decisions was known
SITUATION = "The trend is up and the RSI is high"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rememberer]:
    """A console that has learnt from two decisions of one moment, about two symbols."""
    with remembering(tmp_path_factory.mktemp("memory")) as desk:
        desk.decide(desk.instance("Bull"), "AAPL")
        desk.decide(desk.instance("Bear", situation="Volume is thin, momentum fell"), "MSFT")
        desk.platform.memory.learn()
        desk.filled()
        yield desk


@pytest.fixture(params=["real", "fake"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which implementation."""
    return str(request.param)


def memory_of(kind: str, desk: Rememberer, as_of: datetime, analysis_id: int = 99) -> Memory:
    """Return the memory of one attempt."""
    if kind == "real":
        return Recall(desk.platform.memory, as_of, analysis_id)
    known = (lesson(1, KNOWN, SITUATION), lesson(2, KNOWN, "Volume is thin, momentum fell"))
    return RememberedLessons(known, as_of, analysis_id)


async def test_a_lesson_is_recalled_from_the_second_on_at_which_its_outcome_was_known(
    kind: str, desk: Rememberer
) -> None:
    just_before = await memory_of(kind, desk, KNOWN - timedelta(seconds=1)).recall(SITUATION)
    assert just_before.lessons == ()
    on_time = await memory_of(kind, desk, KNOWN).recall(SITUATION)
    assert [one.situation for one in on_time.lessons][:1] == [SITUATION]
    assert all(one.known_at <= KNOWN for one in on_time.lessons)


async def test_the_most_similar_comes_first_with_its_similarity(kind: str, desk: Rememberer) -> None:
    found = (await memory_of(kind, desk, KNOWN).recall("momentum fell, the volume is thin, the trend is up")).lessons
    assert found[0].situation == "Volume is thin, momentum fell"
    similarities = [one.similarity or 0 for one in found]
    assert similarities == sorted(similarities, reverse=True)
    assert all(0 < similarity <= 1 for similarity in similarities)


async def test_what_has_nothing_to_do_with_it_is_not_recalled(kind: str, desk: Rememberer) -> None:
    assert (await memory_of(kind, desk, KNOWN).recall("zebra quagga okapi")).lessons == ()


async def test_no_more_than_asked_for_are_recalled(kind: str, desk: Rememberer) -> None:
    everything = f"{SITUATION}. Volume is thin, momentum fell"
    assert len((await memory_of(kind, desk, KNOWN).recall(everything, limit=1)).lessons) == 1
    assert len((await memory_of(kind, desk, KNOWN).recall(everything, limit=5)).lessons) == 2


async def test_an_analysis_does_not_recall_itself(kind: str, desk: Rememberer) -> None:
    found = await memory_of(kind, desk, KNOWN, analysis_id=1).recall(SITUATION)
    assert SITUATION not in [one.situation for one in found.lessons]


async def test_an_empty_situation_is_no_error(kind: str, desk: Rememberer) -> None:
    recalled = await memory_of(kind, desk, KNOWN).recall("")
    assert (recalled.lessons, recalled.warning) == ((), None)


async def test_a_console_without_memory_recalls_nothing() -> None:
    assert (await NoMemory().recall(SITUATION)).lessons == ()
