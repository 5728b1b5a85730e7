"""Failed analyses: they stand on a stepped desk, ready to be re-run."""

from __future__ import annotations

from typing import Any

from tests.stepped import Desk


def failed_analysis(desk: Desk, symbol: str = "AAPL", **options: Any) -> int:
    """Return the id of an analysis that has failed, three seconds after it began."""
    instance = next((found.id for found in desk.platform.experts.list()), None) or desk.expert()
    analysis_id = desk.submit(instance, symbol, **options)
    worker = desk.worker()
    claim = worker.claim(analysis_id)
    desk.clock.advance(3)
    worker.fail(claim)
    return analysis_id
