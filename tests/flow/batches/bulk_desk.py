"""Batch desk: a stepped desk with failed analyses to re-run in bulk, and ways to carry a bulk re-run on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.batches.queries import Batch, RerunPlan
from ba2_trade_platform.core.contracts.experts import Requirement
from ba2_trade_platform.core.contracts.queue import Claim
from ba2_trade_platform.vocabulary import Status, Subtype
from tests.fakes.experts import Scripted
from tests.platforms import TRADER
from tests.sql import ask
from tests.stepped import Desk, SteppedWorker

FAILED = Selection(filter=Filter(status=(Status.FAILED,)))


class Holding(Scripted):
    """An expert for held positions too, as if a broker were connected."""

    def requirements(self, settings: BaseModel) -> list[Requirement]:  # noqa: ARG002 - the same for all settings
        """Nothing is missing."""
        return []


NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def fail_all(desk: Desk, worker: SteppedWorker) -> None:
    """Let the worker fail whatever waits."""
    worker.tick()
    while worker.leased:
        for claim in list(worker.leased.values()):
            worker.fail(claim)
        worker.tick()


def failed(desk: Desk, worker: SteppedWorker, instance: int, count: int, **options: Any) -> list[int]:
    """Submit and fail this many analyses of different symbols; return their ids."""
    ids = [desk.submit(instance, f"{NAMES[number % 26]}{number}", **options) for number in range(count)]
    fail_all(desk, worker)
    return ids


def failed_open_position(desk: Desk, worker: SteppedWorker, instance: int, symbol: str = "HELD") -> int:
    """Submit and fail an analysis of a held position."""
    analysis_id = desk.submit(instance, symbol, subtype=Subtype.OPEN_POSITIONS)
    fail_all(desk, worker)
    return analysis_id


def create(desk: Desk, selection: Selection = FAILED, **wish: Any) -> Batch:
    """Preview a selection and accept what was previewed."""
    seen = {key: wish[key] for key in ("mode", "override") if key in wish}
    preview = desk.platform.bulk_reruns.preview(selection, **seen)
    chosen = {"reason": "the provider is back", "plan_hash": preview.plan_hash, "by": TRADER, **wish}
    return desk.platform.bulk_reruns.create(selection, **chosen)


def drain(desk: Desk, worker: SteppedWorker, fails: Callable[[Claim], bool] = lambda _: False) -> None:
    """Work until nothing is left to do now: every analysis succeeds unless the test says that it fails."""
    worker.tick()
    idle = 0
    while worker.leased or idle < 2:
        for claim in list(worker.leased.values()):
            if fails(claim):
                worker.fail(claim)
            else:
                worker.succeed(claim)
        idle = 0 if worker.leased else idle + 1
        worker.tick()


def items(desk: Desk, bulk_id: int) -> list[tuple[Any, ...]]:
    """Return (analysis, outcome, reason) of every item in its order."""
    return ask(
        desk.file, "SELECT analysis_id, outcome, reason FROM batch_item WHERE batch_id = ? ORDER BY position", bulk_id
    )


def plan_of(batch: Batch) -> RerunPlan:
    """Return what a bulk re-run was accepted to do."""
    assert batch.rerun is not None
    return batch.rerun


def counted(bulk: Batch) -> dict[str, int]:
    """Return the counts that are not zero, after a look that they add up."""
    counts = asdict(bulk.counts)
    assert sum(counts.values()) == 2 * counts["total"]
    return {name: count for name, count in counts.items() if count}
