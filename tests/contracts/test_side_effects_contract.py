"""The contract of side effects: each names its analysis, and asking changes nothing; tried on the tests' fake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from ba2_trade_platform.core.contracts.experts import SideEffects
from tests.fakes.side_effects import Orders
from tests.sql import dump
from tests.stepped import Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    yield made
    made.close()


@pytest.fixture
def session(desk: Desk) -> Iterator[Session]:
    with desk.store.read() as opened:
        yield opened


@pytest.fixture
def acting() -> tuple[SideEffects, int]:
    """Somebody who acts on the recommendation of this analysis twice, and on no other."""
    orders = Orders()
    orders.place(7, 17)
    orders.place(7, 18, "stop at 96.10, open")
    return orders, 7


def test_everything_that_acts_is_named_by_its_analysis(acting: tuple[SideEffects, int], session: Session) -> None:
    effects, analysis_id = acting
    found = effects.acting_on(session, [analysis_id, analysis_id + 1])
    assert list(found) == [analysis_id]
    assert len(found[analysis_id]) == len({effect.reference for effect in found[analysis_id]}) == 2


def test_nothing_acts_on_what_is_not_asked_for(acting: tuple[SideEffects, int], session: Session) -> None:
    effects, analysis_id = acting
    assert effects.acting_on(session, []) == {}
    assert effects.acting_on(session, [analysis_id + 1]) == {}


def test_each_says_what_it_is_in_words_and_since_when(acting: tuple[SideEffects, int], session: Session) -> None:
    effects, analysis_id = acting
    for effect in effects.acting_on(session, [analysis_id])[analysis_id]:
        assert effect.kind
        assert effect.reference
        assert effect.sentence
        assert effect.since.tzinfo is not None
        assert effect.to_json()["since"] == effect.since.isoformat()


def test_asking_changes_nothing_and_answers_the_same(acting: tuple[SideEffects, int], desk: Desk) -> None:
    effects, analysis_id = acting
    before = dump(desk.file)
    with desk.store.read() as session:
        assert effects.acting_on(session, [analysis_id]) == effects.acting_on(session, [analysis_id])
    assert dump(desk.file) == before
