"""Sparkline: a day's hours as bars in one element, so that fifty of them stay light."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

BAR, GAP, HEIGHT = 3, 1, 18


def sparkline(hours: Sequence[int]) -> None:
    """Draw these counts, the newest last; a count that is not zero is always to be seen."""
    total, most = sum(hours), max(hours, default=0)
    bars = [
        f"linear-gradient(currentColor, currentColor) {place * (BAR + GAP)}px 100% / {BAR}px {_height(count, most)}px"
        for place, count in enumerate(hours)
        if count
    ]
    element = ui.element("span").classes("ba2-spark").style(f"width: {len(hours) * (BAR + GAP) - GAP}px")
    if bars:
        element.style(f"background: {', '.join(bars)}; background-repeat: no-repeat")
    said = f"{total:,} in {len(hours)} hours, {most:,} in the worst of them" if total else f"none in {len(hours)} hours"
    element.props["title"] = element.props["aria-label"] = said
    element.props["role"] = "img"


def _height(count: int, most: int) -> int:
    return max(2, round(HEIGHT * count / most))
