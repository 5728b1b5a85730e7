"""Collector pauses: the objects of a start are looked at no more."""

from __future__ import annotations

import gc

from ba2_trade_platform.app.collector_pauses import keep_for_ever


def test_what_is_there_is_looked_at_no_more() -> None:
    stays = [[] for _ in range(1_000)]  # type: ignore[var-annotated]  # empty on purpose
    before = len(gc.get_objects())
    keep_for_ever()
    try:
        assert gc.get_freeze_count() > len(stays)
        assert len(gc.get_objects()) < before / 10
    finally:
        gc.unfreeze()
