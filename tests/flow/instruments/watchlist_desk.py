"""Watchlist desk: reports of watchlists as short lines, and schedules that use a watchlist."""

from __future__ import annotations

from ba2_trade_platform.core.instruments.symbol_parsing import Report
from tests.sql import change
from tests.stepped import Desk


def answers(report: Report) -> list[tuple[int, str, str]]:
    """Return a report's lines: where, what, and what became of it."""
    return [(line.number, line.text, line.fate.value) for line in report.lines]


def schedule(desk: Desk, watchlist_id: int | None = None, symbols: str = "[]", name: str = "Morning") -> None:
    """Put a schedule into the database that analyses this watchlist, or these symbols."""
    expert = desk.expert(alias=name)
    values = (
        f"'{name}', 1, 0, 'real', {expert}, 'enter_market', '{symbols}', '{{}}', 'UTC', 0, 'run_once', 300, 50, "
        "'2026-12-01 14:45:00', 1, '2026-11-01', '2026-11-01', 1"
    )
    change(
        desk.file,
        "INSERT INTO schedule (name, enabled, is_demo, clock, expert_instance_id, subtype, symbols, timing, zone, "
        "jitter_seconds, misfire, grace_seconds, priority, next_at, actor_id, created_at, updated_at, version) "
        f"VALUES ({values})",
    )
    if watchlist_id is not None:
        change(desk.file, "INSERT INTO schedule_watchlist SELECT MAX(id), ? FROM schedule", watchlist_id)
