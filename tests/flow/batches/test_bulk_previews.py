"""Bulk previews: runs, refusals and their reasons; and a plan that has changed since is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.errors import Invalid, Refused, SwitchedOff
from ba2_trade_platform.core.batches.bulk_plans import Planner, Selection
from ba2_trade_platform.core.batches.bulk_reruns import BulkReruns
from ba2_trade_platform.core.contracts.experts import SideEffect
from ba2_trade_platform.core.experts.availability import Abilities
from ba2_trade_platform.vocabulary import Mode
from tests.fakes.experts import Catalog, Scripted
from tests.flow.batches.bulk_desk import (
    FAILED,
    Holding,
    create,
    drain,
    fail_all,
    failed,
    items,
)
from tests.platforms import TRADER
from tests.sql import ask, change, dump
from tests.stepped import Desk, SteppedWorker, make_desk

CATALOG = Catalog(Scripted(), Scripted("Other"), Holding("Holding"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, CATALOG)
    yield made
    made.close()


@pytest.fixture
def worker(desk: Desk) -> SteppedWorker:
    return desk.worker()


def test_the_preview_says_what_will_run_what_not_and_why(desk: Desk, worker: SteppedWorker) -> None:
    expert, other = desk.expert(), desk.expert("Other")
    first, second, limited, old, completed = failed(desk, worker, expert, 5)
    blocked = failed(desk, worker, other, 2)
    newer = desk.submit(expert, "D3")  # as the fourth, which failed before
    desk.clock.advance(1)
    fail_all(desk, worker)
    change(desk.file, "UPDATE market_analysis SET status = 'completed' WHERE id = ?", completed)
    change(desk.file, "UPDATE market_analysis SET reruns_used = 3 WHERE id = ?", limited)
    desk.platform.experts.update(other, by=TRADER, enabled=False)
    chosen = Selection(ids=(first, second, limited, old, completed, *blocked, newer, 999))
    preview = desk.platform.bulk_reruns.preview(chosen)
    assert (preview.total, preview.will_run, preview.gone) == (8, 3, 1)
    assert {(one.reason, one.count) for one in preview.skip} == {
        ("superseded by a newer failure of the same kind", 1),
        ("not failed: completed", 1),
    }
    assert {(one.reason, one.count) for one in preview.blocked} == {
        ("Other is disabled", 2),
        ("re-run limit reached", 1),
    }
    assert [(error.code, error.count) for error in preview.top_errors] == [("AUTH", 3)]
    over = desk.platform.bulk_reruns.preview(Selection(ids=(limited,)), override=True)
    assert (over.will_run, over.blocked) == (1, ())


def test_a_plan_that_changed_is_refused_and_says_what_changed(desk: Desk, worker: SteppedWorker) -> None:
    expert = desk.expert()
    ids = failed(desk, worker, expert, 3)
    chosen = Selection(ids=tuple(ids))
    preview = desk.platform.bulk_reruns.preview(chosen)
    desk.analyses.rerun(ids[1], by=TRADER)
    before = dump(desk.file)
    with pytest.raises(Refused, match=r"2 would run now, 3 before; 1 would be skipped now, 0 before") as refused:
        desk.platform.bulk_reruns.create(chosen, reason="again", plan_hash=preview.plan_hash, by=TRADER)
    assert refused.value.code == "PLAN_CHANGED"
    assert refused.value.details["plan"]["will_run"] == 2
    assert dump(desk.file) == before


def test_the_same_numbers_of_other_analyses_are_another_plan(desk: Desk, worker: SteppedWorker) -> None:
    ids = failed(desk, worker, desk.expert(), 2)
    preview = desk.platform.bulk_reruns.preview(FAILED)
    desk.analyses.rerun(ids[0], by=TRADER)
    fail_all(desk, worker)
    with pytest.raises(Refused, match="the numbers are the same, but not the analyses"):
        desk.platform.bulk_reruns.create(FAILED, reason="again", plan_hash=preview.plan_hash, by=TRADER)


def test_a_rerun_between_the_look_and_the_acceptance_is_a_changed_plan(desk: Desk, worker: SteppedWorker) -> None:
    ids = failed(desk, worker, desk.expert(), 2)
    quick: list[int] = []

    def somebody_is_quicker(session: Session, rows: Sequence[Any]) -> dict[int, str]:
        for analysis_id in quick:
            desk.analyses.rerun(analysis_id, by=TRADER)
        return {}

    service = BulkReruns(desk.store, Planner(Abilities(CATALOG), [somebody_is_quicker]))
    preview = service.preview(FAILED)
    quick.append(ids[0])
    with pytest.raises(Refused, match="the analyses changed at this very moment"):
        service.create(FAILED, reason="again", plan_hash=preview.plan_hash, by=TRADER)
    assert ask(desk.file, "SELECT * FROM batch_item") == []


def test_a_guard_blocks_with_its_own_reason(desk: Desk, worker: SteppedWorker) -> None:
    acted, free = failed(desk, worker, desk.expert(), 2)

    def guard(session: Session, rows: Sequence[Any]) -> dict[int, str]:
        return {row.id: "order 7 acts on its recommendation" for row in rows if row.id == acted}

    service = BulkReruns(desk.store, Planner(Abilities(CATALOG), [guard]))
    preview = service.preview(FAILED)
    assert preview.will_run == 1
    assert [(one.reason, one.count) for one in preview.blocked] == [("order 7 acts on its recommendation", 1)]
    bulk = service.create(FAILED, reason="again", plan_hash=preview.plan_hash, by=TRADER)
    assert items(desk, bulk.id) == [
        (free, "planned", None), (acted, "blocked", "order 7 acts on its recommendation"),
    ]  # fmt: skip


def test_a_wish_that_makes_no_sense_is_a_sentence_and_changes_nothing(desk: Desk, worker: SteppedWorker) -> None:
    failed(desk, worker, desk.expert(), 1)
    before = dump(desk.file)
    for wish, sentence in (
        ({"reason": " "}, "Say why"),
        ({"rate_per_minute": 0}, "The rate must be between 1 and 6,000 a minute, not 0"),
        ({"canary": 0}, "A canary has 1 to 50,000 analyses, not 0"),
        ({"canary": 10**20}, "A canary has 1 to 50,000 analyses, not 1"),
        ({"mode": Mode.ONLY}, "A bulk re-run is fresh or resume, not only"),
    ):
        with pytest.raises(Invalid, match=sentence):
            create(desk, **wish)  # type: ignore[arg-type]  # as a client may send
    with pytest.raises(Invalid, match="Choose what to re-run"):
        create(desk, Selection())
    with pytest.raises(Refused, match="Nothing would run"):
        create(desk, Selection(filter=Filter(symbol="NONE")))
    with pytest.raises(SwitchedOff):
        BulkReruns(desk.store, Planner(Abilities(CATALOG)), rerun_enabled=False).create(
            FAILED, reason="again", plan_hash="", by=TRADER
        )
    assert dump(desk.file) == before


def test_a_resume_names_before_it_is_confirmed_what_has_nothing_to_keep(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, Catalog(Scripted(), Scripted("Other", can_resume=False)))
    worker, expert, other = desk.worker(), desk.expert(), desk.expert("Other")
    worked, blank = failed(desk, worker, expert, 2)
    (whole,) = failed(desk, worker, other, 1)
    change(desk.file, "DELETE FROM analysis_step WHERE analysis_id = ?", blank)
    assert desk.platform.bulk_reruns.preview(FAILED).will_run == 3
    preview = desk.platform.bulk_reruns.preview(FAILED, Mode.RESUME)
    assert preview.will_run == 1
    assert {(one.reason, one.count) for one in preview.blocked} == {
        ("no step was completed, so there is nothing to keep", 1),
        ("Other cannot keep steps: it always does everything again", 1),
    }
    bulk = create(desk, mode=Mode.RESUME)
    drain(desk, worker)
    assert {key: outcome for key, outcome, _ in items(desk, bulk.id)} == {
        worked: "succeeded", blank: "blocked", whole: "blocked",
    }  # fmt: skip
    desk.close()


class Silent:
    """Somebody who acts on recommendations and cannot be asked."""

    def acting_on(self, session: Session, analysis_ids: Sequence[int]) -> dict[int, list[SideEffect]]:  # noqa: ARG002
        """Fail."""
        raise RuntimeError("the broker's books are closed")


def test_what_nobody_can_answer_for_is_blocked_and_the_queue_goes_on(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, side_effects=[Silent()])
    worker = desk.worker()
    failed(desk, worker, desk.expert(), 2)
    preview = desk.platform.bulk_reruns.preview(FAILED)
    said = "nobody can say now what acts on it; re-run it by itself"
    assert [(one.reason, one.count) for one in preview.blocked] == [(said, 2)]
    desk.close()
