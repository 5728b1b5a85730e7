"""Benchmark report: one table of all measurements, with machine and the ratio that carries over."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Line:
    """One measured number; `ratio` compares it with a bare operation or a peer, `goal` says what was hoped for."""

    what: str
    value: str
    ratio: str = ""
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Section:
    """The lines of one benchmark and how it was done."""

    title: str
    lines: Sequence[Line]
    note: str = ""


def show(sections: Iterable[Section]) -> None:
    """Print everything as one table, with date, machine and load."""
    console = Console(width=max(120, Console().width))
    console.print(f"\n[bold]{machine()}[/bold]")
    table = Table(show_lines=False, pad_edge=False)
    for heading in ("Measured", "Value", "Ratio", "Goal", ""):
        table.add_column(heading, justify="right" if heading in ("Value", "Ratio") else "left", overflow="fold")
    for section in sections:
        table.add_section()
        table.add_row(f"[bold]{section.title}[/bold]", "", "", "", "")
        for line in section.lines:
            verdict = "" if line.met is None else ("met" if line.met else "missed")
            table.add_row(f"  {line.what}", line.value, line.ratio, line.goal, verdict)
        if section.note:
            table.add_row(f"  [dim]{section.note}[/dim]", "", "", "", "")
    console.print(table)


def machine() -> str:
    """Return date, processor, cores, kernel, versions and how busy the machine is just now."""
    load = " ".join(f"{part:.2f}" for part in os.getloadavg())
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {_processor()}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, load {load}"
    )


def milliseconds(seconds: float) -> str:
    """Return a time for the table."""
    value = seconds * 1000
    return f"{value:,.3f} ms" if value < 1 else f"{value:,.1f} ms"


def percentile(seconds: Sequence[float], percent: int) -> float:
    """Return a percentile of some measured times; of one time, that time."""
    if len(seconds) < 2:
        return seconds[0]
    return quantiles(seconds, n=100, method="inclusive")[percent - 1]


def spread(seconds: Sequence[float]) -> str:
    """Return p50 and p95 for the table."""
    return f"{milliseconds(percentile(seconds, 50))} / {milliseconds(percentile(seconds, 95))}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()
