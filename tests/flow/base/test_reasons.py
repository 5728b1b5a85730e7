"""Reasons: the reason that a person gives is kept cleaned, by every verb."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from ba2_trade_platform.vocabulary import ErrorCode, FailureKind
from tests.platforms import TRADER
from tests.sql import ask
from tests.stepped import Desk, make_desk

GIVEN = "  the \x00pro\u202evid\U000e0041er \ud800 is back  " + "x" * 1_000
KEPT = ("the provider ? is back  " + "x" * 1_000)[:490] + " ... (cut)"
FINGERPRINT = "SELECT fingerprint FROM failure_group"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk with analysis 1 failed for good, 2 waiting for its retry, and 3 pending."""
    made = make_desk(tmp_path)
    worker = made.worker()
    worker.fail(worker.claim(made.submit(made.expert("Scripted", "One"))))
    worker.fail(worker.claim(made.submit(made.expert("Scripted", "Two", max_retries=3))), ErrorCode.RATE_LIMIT)
    made.submit(made.expert("Scripted", "Three"))
    yield made
    made.close()


def group(desk: Desk) -> str:
    """Return the group of the first failure."""
    return str(ask(desk.file, FINGERPRINT)[0][0])


VERBS: dict[str, Callable[[Desk], object]] = {
    "rerun": lambda desk: desk.analyses.rerun(1, by=TRADER, reason=GIVEN),
    "run now": lambda desk: desk.platform.waiting_retries.run_now(2, by=TRADER, reason=GIVEN),
    "stop": lambda desk: desk.platform.waiting_retries.stop(2, by=TRADER, reason=GIVEN),
    "cancel": lambda desk: desk.analyses.cancel(3, by=TRADER, reason=GIVEN),
    "delete": lambda desk: desk.analyses.delete(1, by=TRADER, reason=GIVEN),
    "pause": lambda desk: desk.queue.pause(by=TRADER, reason=GIVEN),
    "resume": lambda desk: desk.queue.resume(by=TRADER, reason=GIVEN),
    "open": lambda desk: desk.platform.breakers.open("openai", by=TRADER, reason=GIVEN),
    "resolve": lambda desk: desk.platform.monitoring.triage.resolve(group(desk), by=TRADER, reason=GIVEN),
    "reclassify": lambda desk: desk.platform.monitoring.outlook.set_kind(
        group(desk), FailureKind.TRANSIENT, by=TRADER, reason=GIVEN
    ),
    "budget": lambda desk: desk.platform.models.costs.set_budget(Decimal(5), by=TRADER, reason=GIVEN),
}


@pytest.mark.parametrize("verb", list(VERBS))
def test_a_reason_is_kept_as_it_can_be_shown(desk: Desk, verb: str) -> None:
    VERBS[verb](desk)
    kept = ask(desk.file, "SELECT reason FROM activity_log WHERE reason IS NOT NULL ORDER BY id DESC LIMIT 1")
    assert kept == [(KEPT,)]
    for table in ("queue_state", "analysis_attempt", "breaker"):
        given = [value for (value,) in ask(desk.file, f"SELECT reason FROM {table}") if value and "back" in value]
        assert set(given) <= {KEPT}
