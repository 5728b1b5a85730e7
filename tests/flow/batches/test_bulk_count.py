"""Batch counts: the number on the button is the number of rows acted on, while others act too."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ba2_trade_platform.core.base.errors import PlatformError, Refused
from ba2_trade_platform.core.batches.queries import Batch
from tests.fakes.experts import Catalog, Scripted
from tests.flow.batches.bulk_desk import FAILED, drain, failed, items, plan_of
from tests.platforms import TRADER
from tests.sql import ask
from tests.stepped import Desk, SteppedWorker, make_desk

COUNT = 6
deeds = st.lists(
    st.tuples(
        st.sampled_from(["rerun", "delete", "twin", "tick", "succeed", "fail", "cancel", "disable", "abort"]),
        st.integers(0, COUNT - 1),
    ),
    max_size=10,
)


def do(desk: Desk, worker: SteppedWorker, deed: str, analysis_id: int, expert: int, bulk: Batch | None) -> None:
    """Do one thing that a person, a script or the worker may do in between; what is refused is refused."""
    rows = ask(desk.file, "SELECT symbol FROM market_analysis WHERE id = ?", analysis_id)
    claims = list(worker.leased.values())
    deeds: dict[str, Any] = {
        "rerun": lambda: desk.analyses.rerun(analysis_id, by=TRADER),
        "delete": lambda: desk.analyses.delete(analysis_id, by=TRADER),
        "twin": lambda: rows and desk.submit(expert, rows[0][0]),
        "cancel": lambda: desk.analyses.cancel(analysis_id, by=TRADER),
        "disable": lambda: desk.platform.experts.update(expert, by=TRADER, enabled=analysis_id % 2 == 0),
        "abort": lambda: bulk and desk.platform.batches.abort(bulk.id, by=TRADER),
        "tick": worker.tick,
        "succeed": lambda: claims and worker.succeed(claims[0]),
        "fail": lambda: claims and worker.fail(claims[0]),
    }
    try:
        deeds[deed]()
    except PlatformError:
        return


@given(before=deeds, after=deeds, canary=st.none() | st.integers(1, 3))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_number_on_the_button_is_the_number_acted_on(
    before: list[tuple[str, int]], after: list[tuple[str, int]], canary: int | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = make_desk(Path(folder), Catalog(Scripted()))
        worker = desk.worker()
        expert = desk.expert()
        ids = failed(desk, worker, expert, COUNT)
        preview = desk.platform.bulk_reruns.preview(FAILED)
        for deed, place in before:
            do(desk, worker, deed, ids[place], expert, None)
        present = desk.platform.bulk_reruns.preview(FAILED)
        wish: dict[str, Any] = {"reason": "again", "plan_hash": preview.plan_hash, "by": TRADER, "canary": canary}
        if present.plan_hash != preview.plan_hash:
            with pytest.raises(Refused, match="The plan changed since the preview"):
                desk.platform.bulk_reruns.create(FAILED, **wish)
            assert ask(desk.file, "SELECT * FROM batch_item") == []
            desk.close()
            return
        bulk = desk.platform.bulk_reruns.create(FAILED, **wish)
        assert plan_of(bulk).will_run == preview.will_run == bulk.counts.queued
        for deed, place in after:
            do(desk, worker, deed, ids[place], expert, bulk)
            counts = desk.platform.batches.get(bulk.id).counts
            assert counts.total == counts.remaining + counts.succeeded + counts.failed + counts.skipped + counts.blocked
            assert counts.total == preview.total
        desk.platform.experts.update(expert, by=TRADER, enabled=True)
        drain(desk, worker)
        check_every_item(desk, bulk, preview.will_run)
        desk.close()


def check_every_item(desk: Desk, bulk: Batch, will_run: int) -> None:
    """Every item that was to run was queued exactly once, or says why not; and the object has ended."""
    ended = desk.platform.batches.get(bulk.id)
    assert ended.finished_at is not None
    assert ended.counts.remaining == 0
    begun = dict(
        ask(
            desk.file,
            "SELECT analysis_id, COUNT(*) FROM analysis_attempt WHERE trigger = 'bulk' AND batch_id = ? GROUP BY 1",
            bulk.id,
        )
    )
    assert set(begun.values()) <= {1}
    listed = items(desk, bulk.id)
    assert len(listed) == ended.counts.total
    for analysis_id, outcome, reason in listed[:will_run]:
        if outcome == "succeeded":
            assert analysis_id is None or analysis_id in begun
        elif outcome in ("skipped", "blocked"):
            assert reason
        else:
            assert outcome == "failed"
            assert analysis_id is None or analysis_id in begun
