"""Watchlist view state: maps the address to a view and a symbol to a row; pure, hence easily tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.instruments.quotes import Quote
from ba2_trade_platform.core.instruments.watchlist_rows import SORTS, WatchlistRow
from ba2_trade_platform.core.schedules.next_runs import NextRun
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.times import DASH, exact, moment
from ba2_trade_platform.ui.kit.urls import symbol_url, whole_number

PAGE = 100
SORT_WORDS = {
    "order": "List order",
    "symbol": "Symbol",
    "newest": "Newest analysis",
    "oldest": "Oldest analysis",
    "status": "Status",
}
LAST = {"pending": "queued", "running": "started"}
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))

COLUMNS: list[dict[str, Any]] = [
    {"name": "pick", "label": "", "align": "left", "width": 36},
    {"name": "symbol", "label": "Symbol", "align": "left", "width": 84},
    {"name": "name", "label": "Name", "align": "left", "width": 140},
    {"name": "status", "label": "Status", "align": "left", "width": 112},
    {"name": "last", "label": "Last analysis", "align": "left", "width": 232},
    {"name": "recommendation", "label": "Recommendation", "align": "left", "width": 124},
    {"name": "then", "label": "Price then", "align": "right", "width": 82},
    {"name": "now", "label": "Price now", "align": "right", "width": 82},
    {"name": "since", "label": "Since", "align": "right", "width": 72},
    {"name": "next", "label": "Next run", "align": "left", "width": 196},
]


@dataclass(frozen=True)
class WatchView:
    """Everything about the page that lives in its URL."""

    tab: str = "lists"
    list: int | None = None
    q: str | None = None
    sort: str = "order"
    skip: int = 0
    label: str | None = None
    after: str | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> WatchView:
        """Return the view that a query string asks for; what makes no sense is left out."""
        return cls(
            tab="instruments" if query.get("tab") == "instruments" else "lists",
            list=whole_number(query.get("list")),
            q=(query.get("q") or "").strip()[:200] or None,
            sort=query["sort"] if query.get("sort") in SORTS else "order",
            skip=min(whole_number(query.get("skip")) or 0, 1_000_000),
            label=(query.get("label") or "")[:40] or None,
            after=(query.get("after") or "")[:40] or None,
        )

    def url(self, **changed: Any) -> str:
        """Return the address that shows this view with changes, at its first page unless a page is named."""
        wanted = replace(self, **{"skip": 0, "after": None, **changed})
        said = {part.name: getattr(wanted, part.name) for part in fields(wanted)}
        said = {name: value for name, value in said.items() if value != getattr(WatchView, name)}
        return "/watchlists" + (f"?{urlencode(said)}" if said else "")


def line(
    item: WatchlistRow, zone: ZoneInfo, quote_now: Quote | None, now: datetime | None = None, split: float | None = 1.0
) -> dict[str, Any]:
    """Return one symbol as the table shows it: texts and flags only; `quote_now` None: its price is not there yet.

    `split` is what the price then is multiplied by to stand beside the price now; None: not known.
    """
    look = words.STATUS.get(item.last_status or "")
    action = words.ACTION.get(item.action or "")
    return {
        "symbol": item.symbol,
        "url": symbol_url(item.symbol),
        "name": item.name,
        "analysis": item.last_analysis_id,
        "status": look.word if look else "never analysed",
        "icon": look.icon if look else "remove",
        "tone": look.tone if look else "quiet",
        "last": last_words(item, now),
        "last_hint": _last_hint(item, zone),
        "action": action.word if action else "",
        "action_icon": action.icon if action else "",
        "action_tone": action.tone if action else "",
        "confidence": "" if item.confidence is None else f"{item.confidence:.0f} %",
        **_prices(item, quote_now, zone, split),
        **_next(item.next_run, zone),
    }


def last_words(item: WatchlistRow, now: datetime | None = None) -> str:
    """Say what became of the last analysis, and how long ago: `Analysis completed 2 hours ago`."""
    if item.last_status is None or item.last_analyzed_at is None:
        return DASH
    verb = LAST.get(item.last_status, item.last_status.value)
    return f"Analysis {verb} {long_ago(item.last_analyzed_at, now)}"


def long_ago(instant: datetime, now: datetime | None = None) -> str:
    """Return how long ago an instant was, in one unit written out."""
    seconds = round(((now or datetime.now(UTC)) - instant).total_seconds())
    for size, unit in UNITS:
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def since(then: Decimal | None, now: float | None, split: float | None = 1.0) -> float | None:
    """Return by how many per cent the price has changed since the recommendation; None where that is not known."""
    return None if not then or now is None or split is None else 100 * (now / (float(then) * split) - 1)


def change_words(change: float | None) -> str:
    """Return a change in per cent with its sign; one that rounds to nothing has none."""
    if change is None:
        return DASH
    return f"{change:+.1f} %" if round(change, 1) else "0.0 %"


def next_words(run: NextRun, zone: ZoneInfo) -> str:
    """Say when a schedule runs next."""
    return f"{moment(run.at, zone)}{' (replay)' if run.is_replay else ''}"


def _last_hint(item: WatchlistRow, zone: ZoneInfo) -> str:
    if item.last_analysis_id is None:
        return "Never analysed"
    failed = f", {item.error_code}" if item.error_code else ""
    return f"Analysis {item.last_analysis_id} by {item.expert}{failed}, {exact(item.last_analyzed_at, zone)}"


def _prices(item: WatchlistRow, quote_now: Quote | None, zone: ZoneInfo, split: float | None) -> dict[str, Any]:
    quote = quote_now or Quote(item.symbol)
    change = since(item.price_then, quote.price, split)
    then = float(item.price_then) * (split or 1.0) if item.price_then else None
    adjusted = f"; {item.price_then:,.2f} before the splits since" if then and abs((split or 1.0) - 1) > 0.001 else ""
    missing = "\N{HORIZONTAL ELLIPSIS}" if quote_now is None else DASH
    hint = "" if quote_now is None else quote.problem or f"{quote.currency}, close of {exact(quote.at, zone)}"
    stale = f"; {quote.staleness}" if quote.is_stale else ""
    rounded = 0.0 if change is None else round(change, 1)
    return {
        "then": f"{then:,.2f}" if then else DASH,
        "then_hint": f"{exact(item.then_at, zone)}{adjusted}",
        "now": missing if quote.price is None else f"{quote.price:,.2f}",
        "now_hint": f"{hint}{stale}",
        "now_tone": "tone-warn" if stale else "",
        "since": change_words(change),
        "since_tone": "tone-good" if rounded > 0 else "tone-bad" if rounded < 0 else "",
    }


def _next(run: NextRun | None, zone: ZoneInfo) -> dict[str, Any]:
    if run is None:
        return {"next": "not scheduled", "next_url": "", "next_hint": "No schedule covers this symbol"}
    return {
        "next": f"{next_words(run, zone)} {run.schedule}",
        "next_url": f"/schedules?schedule={run.schedule_id}",
        "next_hint": f"{run.schedule}, {exact(run.at, zone)}",
    }
