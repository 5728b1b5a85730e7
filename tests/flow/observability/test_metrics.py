"""Metrics: a commit is counted once, and a refused or late result is counted as such."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ba2_trade_platform.core.base.errors import NotFound, Refused
from ba2_trade_platform.vocabulary import ErrorCode
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER
from tests.stepped import Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted(can_resume=False)))
    yield made
    made.close()


def numbers(desk: Desk) -> dict[str, float]:
    """Return every count above zero that a scrape would find, by name and labels; without the times of creation.

    What the console reads of itself at each scrape is left out: tests/api/operations/test_health.py looks at that.
    """
    families = text_string_to_metric_families(desk.platform.telemetry.metrics.exposition())
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in families
        if family.type != "gauge" and not family.name.startswith("ba2_")
        for sample in family.samples
        if sample.value and not sample.name.endswith(("_created", "_bucket"))
    }


def test_an_idle_desk_offers_every_name_of_the_contract(desk: Desk) -> None:
    exposition = desk.platform.telemetry.metrics.exposition()
    families = {family.name: family.type for family in text_string_to_metric_families(exposition)}
    counters = {"analysis_attempts", "retry_attempts", "retry_success", "retry_failure", "rerun", "stale_completions"}
    histograms = {"retry_duration_seconds", "time_to_rerun_seconds", "time_to_recover_seconds", "queue_wait_seconds"}
    for name in counters | {"rescued", "bulk_rerun_items"}:
        assert families[name] == "counter"
    for name in histograms | {"attempt_seconds"}:
        assert families[name] == "histogram"
    assert numbers(desk) == {}


def test_a_failure_its_rerun_and_the_recovery_are_counted(desk: Desk) -> None:
    analysis_id, worker = desk.submit(desk.expert()), desk.worker()
    desk.clock.advance(4)
    claim = worker.claim(analysis_id)
    desk.clock.advance(3)
    worker.fail(claim)
    desk.clock.advance(60)
    desk.analyses.rerun(analysis_id, by=TRADER)
    claim = worker.claim(analysis_id)
    desk.clock.advance(5)
    worker.succeed(claim)
    assert numbers(desk) == {
        "analysis_attempts_total kind=permanent outcome=failed trigger=first": 1,
        "analysis_attempts_total kind=none outcome=completed trigger=rerun": 1,
        "rerun_total mode=fresh result=accepted": 1,
        "queue_wait_seconds_count": 2,
        "queue_wait_seconds_sum": 4,
        "attempt_seconds_count": 2,
        "attempt_seconds_sum": 8,
        "time_to_rerun_seconds_count": 1,
        "time_to_rerun_seconds_sum": 60,
        "time_to_recover_seconds_count": 1,
        "time_to_recover_seconds_sum": 65,
    }


def test_refused_reruns_are_counted_by_their_code(desk: Desk) -> None:
    waiting = desk.submit(desk.expert())
    with pytest.raises(Refused):
        desk.analyses.rerun(waiting, by=TRADER)
    with pytest.raises(NotFound):
        desk.analyses.rerun(4711, by=TRADER)
    assert numbers(desk) == {
        "rerun_total mode=fresh result=NOT_FAILED": 1,
        "rerun_total mode=fresh result=NOT_FOUND": 1,
    }


def test_a_retry_is_counted_when_it_begins_and_by_its_end(desk: Desk) -> None:
    worker = desk.worker()
    instance = desk.expert(max_retries=2, retry_base_seconds=1, retry_cap_seconds=1)
    analysis_id = desk.submit(instance)
    for outcome in (worker.fail, worker.fail, worker.succeed):
        claim = worker.claim(analysis_id)
        desk.clock.advance(2)
        outcome(*(claim,), **({"code": ErrorCode.TIMEOUT} if outcome == worker.fail else {}))
        desk.clock.advance(30)
    found = numbers(desk)
    assert found["retry_attempts_total"] == 2
    assert (found["retry_failure_total"], found["retry_success_total"]) == (1, 1)
    assert (found["retry_duration_seconds_count"], found["retry_duration_seconds_sum"]) == (2, 4)
    assert "time_to_rerun_seconds_count" not in found
    assert found["time_to_recover_seconds_count"] == 1


def test_a_late_result_is_stale_and_no_attempt_that_ended(desk: Desk) -> None:
    analysis_id, worker = desk.submit(desk.expert()), desk.worker()
    claim = worker.claim(analysis_id)
    desk.clock.advance(1)
    desk.analyses.cancel(analysis_id, by=TRADER)
    desk.clock.advance(1)
    worker.succeed(claim)
    found = numbers(desk)
    assert found["stale_completions_total"] == 1
    assert {key for key in found if key.startswith("analysis_attempts_total")} == {
        "analysis_attempts_total kind=none outcome=cancelled trigger=first"
    }


def test_a_rescue_counts_the_attempt_that_was_interrupted(desk: Desk) -> None:
    analysis_id = desk.submit(desk.expert())
    desk.worker().claim(analysis_id)
    desk.clock.advance(40)
    desk.worker("two").tick()
    found = numbers(desk)
    assert found["rescued_total"] == 1
    assert found["analysis_attempts_total kind=transient outcome=interrupted trigger=first"] == 1


def test_what_ends_without_having_begun_is_counted_without_a_duration(desk: Desk) -> None:
    instance = desk.expert()
    desk.submit(instance)
    desk.platform.experts.update(instance, by=TRADER, enabled=False)
    desk.worker().tick()
    found = numbers(desk)
    assert found["analysis_attempts_total kind=permanent outcome=failed trigger=first"] == 1
    assert "attempt_seconds_count" not in found


def test_items_of_a_bulk_rerun_are_counted_by_result(desk: Desk) -> None:
    desk.platform.telemetry.metrics.bulk_item("queued", 3)
    desk.platform.telemetry.metrics.bulk_item("skipped")
    assert numbers(desk) == {"bulk_rerun_items_total result=queued": 3, "bulk_rerun_items_total result=skipped": 1}
