"""Scripted consoles: their experts follow a script, and the real worker does the work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.contracts.experts import Expert
from tests.fakes.experts import Catalog, Scripted, steady
from tests.platforms import TRADER, make_platform, running


@contextmanager
def console(folder: Path, *experts: Expert, **settings: Any) -> Iterator[Platform]:
    """A console at work with these experts (and a steady one), each configured under its own name."""
    platform = desk(folder, *experts, **settings)
    with running(platform):
        yield platform


def desk(folder: Path, *experts: Expert, **settings: Any) -> Platform:
    """A console with these experts (and a steady one), its worker not yet started."""
    shipped = (*experts, Scripted("Steady", steady))
    platform = make_platform(folder, catalog=Catalog(*shipped), **settings)
    known = {instance.alias for instance in platform.experts.list(archived=True)}
    for expert in shipped:
        if expert.name not in known:
            platform.experts.create(expert.name, expert.name, by=TRADER, max_retries=0)
    return platform


def instance(platform: Platform, alias: str) -> int:
    """Return the id of a configured expert."""
    return next(found.id for found in platform.experts.list() if found.alias == alias)


def submit_to(platform: Platform, alias: str, symbol: str = "AAPL", **options: Any) -> int:
    """Submit one analysis to the expert of this alias."""
    return platform.queue.submit_analysis_task(instance(platform, alias), symbol, by=TRADER, **options).analysis_id


def impatient(platform: Platform, milliseconds: int = 50) -> None:
    """Have the console give up on a locked database at once, so that a test need not wait ten seconds."""

    @event.listens_for(platform.store.engine, "connect")
    def hurry(connection: Any, record: object) -> None:
        connection.execute(f"PRAGMA busy_timeout = {milliseconds}")

    platform.store.engine.dispose()
