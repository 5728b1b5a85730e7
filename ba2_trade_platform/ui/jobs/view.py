"""Job view state: maps the address to a filter and an analysis to a row; pure, hence easily tested."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.attempts.lifecycle import Event
from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.failures.advice import advice
from ba2_trade_platform.core.monitoring.job_list import SORTS, AnalysisRow
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.formats import due, retry_words, waits_for
from ba2_trade_platform.ui.kit.times import DASH, duration, exact, moment
from ba2_trade_platform.ui.kit.urls import whole_number
from ba2_trade_platform.vocabulary import FailureKind, ItemOutcome, Signal, Source, Status, Subtype

SIZES = (25, 50, 100, 200)
_TEXTS = ("tab", "symbol", "code", "fingerprint", "q", "after")
_NUMBERS = ("expert", "batch", "bulk", "open")
_CHOICES = {"type": Subtype, "action": Signal, "source": Source, "outcome": ItemOutcome}
_NO_ACTION = words.Look("", "", "")
TOPICS = (Topic.ANALYSES, Topic.BREAKERS, Topic.EXPERTS, Topic.FAILURES, Topic.QUEUE)


@dataclass(frozen=True)
class View:
    """Everything about the table that lives in its URL."""

    tab: str = "jobs"
    status: tuple[str, ...] = ()
    expert: int | None = None
    symbol: str | None = None
    type: str | None = None
    action: str | None = None
    source: str | None = None
    code: str | None = None
    fingerprint: str | None = None
    batch: int | None = None
    bulk: int | None = None
    outcome: str | None = None
    rerun: bool = False
    slower: float | None = None
    today: bool = False
    q: str | None = None
    sort: str = "id"
    dir: str = "desc"
    after: str | None = None
    size: int = 50
    open: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> View:
        """Return the view that a query string asks for; what makes no sense is left out."""
        statuses = [part for part in (query.get("status") or "").split(",") if part in list(Status)]
        slower, size = query.get("slower") or "", whole_number(query.get("size"))
        given: dict[str, Any] = {
            **{name: query.get(name) or getattr(cls, name) for name in _TEXTS},
            **{name: whole_number(query.get(name)) for name in _NUMBERS},
            **{name: query[name] for name, members in _CHOICES.items() if query.get(name) in list(members)},
        }
        return cls(
            **given,
            status=tuple(dict.fromkeys(statuses)),
            rerun=query.get("rerun") == "1",
            today=query.get("today") == "1",
            slower=float(slower) if slower.replace(".", "", 1).isdigit() else None,
            sort=query["sort"] if query.get("sort") in SORTS else "id",
            dir="asc" if query.get("dir") == "asc" else "desc",
            size=size if size in SIZES else 50,
        )

    def url(self) -> str:
        """Return the address that shows this view."""
        said: dict[str, str] = {}
        for part in fields(self):
            value = getattr(self, part.name)
            if value != part.default:
                said[part.name] = ",".join(value) if part.name == "status" else "1" if value is True else str(value)
        return "/marketanalysis" + (f"?{urlencode(said, safe=',')}" if said else "")

    def changed(self, **parts: Any) -> View:
        """Return this view with other parts, at its first page unless a page is named."""
        return replace(self, **{"after": None, **parts})

    def filter(self, today: datetime) -> Filter:
        """Return the filter of this view; `today` is when the trader's day began."""
        return Filter(
            status=tuple(Status(status) for status in self.status),
            expert=self.expert,
            symbol=self.symbol,
            subtype=Subtype(self.type) if self.type else None,
            action=Signal(self.action) if self.action else None,
            source=Source(self.source) if self.source else None,
            code=self.code,
            fingerprint=self.fingerprint,
            batch=self.batch,
            rerun_only=self.rerun,
            slower_than_seconds=self.slower,
            finished_since=today if self.today else None,
            text=self.q,
            bulk=self.bulk,
            bulk_outcome=ItemOutcome(self.outcome) if self.outcome else None,
        )

    @property
    def filter_parts(self) -> View:
        """This view without what does not choose rows: order, page, size and the open drawer."""
        return replace(self, sort="id", dir="desc", after=None, size=50, open=None)

    @property
    def filtered(self) -> bool:
        """Whether anything is left out."""
        return self.filter_parts != View(tab=self.tab)


COLUMNS: list[dict[str, Any]] = [
    {"name": "pick", "label": "", "align": "left", "width": 36},
    {"name": "id", "label": "ID", "align": "right", "sortable": True, "width": 64},
    {"name": "symbol", "label": "Symbol", "align": "left", "sortable": True, "width": 78},
    {"name": "expert", "label": "Expert", "align": "left", "sortable": True, "width": 138},
    {"name": "status", "label": "Status", "align": "left", "sortable": True, "width": 136},
    {"name": "actions", "label": "Actions", "align": "left", "width": 94},
    {"name": "verdict", "label": "Verdict", "align": "left", "width": 150},
    {"name": "failure", "label": "Failure", "align": "left", "sortable": True, "width": 238},
    {"name": "recommendation", "label": "Recommendation", "align": "left", "sortable": True, "width": 126},
    {"name": "confidence", "label": "Confidence", "align": "right", "sortable": True, "width": 94},
    {"name": "expected_profit", "label": "Expected Profit", "align": "right", "sortable": True, "width": 118},
    {"name": "attempt", "label": "Attempt", "align": "left", "sortable": True, "width": 88},
    {"name": "progress", "label": "Step / Progress", "align": "left", "width": 204},
    {"name": "created", "label": "Created", "align": "left", "sortable": True, "width": 118},
    {"name": "duration", "label": "Duration", "align": "right", "sortable": True, "width": 80},
    {"name": "source", "label": "Source", "align": "left", "sortable": True, "width": 100},
    {"name": "batch", "label": "Batch", "align": "right", "width": 64},
    {"name": "subtype", "label": "Type", "align": "left", "sortable": True, "width": 118},
]


def line(
    row: AnalysisRow, zone: ZoneInfo, *, busy: bool = False, stopping: bool = False, open_providers: Container[str] = ()
) -> dict[str, Any]:
    """Return one analysis as the table shows it: texts and flags. Retries for `open_providers` wait."""
    look, action = words.STATUS[row.status], words.ACTION.get(row.action or "", _NO_ACTION)
    hint = advice(row.error_code).hint
    return {
        "id": row.id,
        "symbol": row.symbol,
        "expert": row.expert,
        "expert_id": row.expert_instance_id,
        "status": row.status.value,
        "word": "stopping" if stopping else retry_words(row) if row.retrying else look.word,
        "icon": look.icon,
        "tone": look.tone,
        "failure": row.error_code or "",
        "failure_text": row.error_message or "",
        "failure_hint": f"{row.error_message or ''} \N{EM DASH} {hint}" if hint else row.error_message or "",
        "action": action.word,
        "action_icon": action.icon,
        "action_tone": action.tone,
        "confidence": DASH if row.confidence is None else f"{row.confidence:.1f} %",
        "expected_profit": _percent(row.expected_profit),
        "attempt": row.attempt,
        "attempt_text": f"re-run {row.reruns_used}/{row.max_reruns}" if row.reruns_used else f"{row.attempt}",
        "progress": row.progress,
        "step": _step(row, zone, open_providers),
        "due": due(row, open_providers),
        "created": moment(row.created_at, zone),
        "created_exact": exact(row.created_at, zone),
        "duration": duration(row.duration_ms),
        "source": row.source.value,
        "batch": row.batch_id,
        "subtype": words.SUBTYPE[row.subtype],
        "busy": busy,
        "rerun": row.offers(Event.RERUN),
        "permanent": row.failure_kind is FailureKind.PERMANENT,
        "cancel": row.offers(Event.CANCEL),
        "again": row.offers(Event.RUN_AGAIN),
        "retrying": row.offers(Event.RUN_NOW),
    }


def _percent(value: float | None) -> str:
    if value is None:
        return DASH
    return f"{value:+.2f} %" if round(value, 2) else "0.00 %"


def _step(row: AnalysisRow, zone: ZoneInfo, open_providers: Container[str]) -> str:
    if row.status is Status.RUNNING:
        return row.current_step or "starting"
    if row.status is Status.PENDING and row.held:
        return "its batch is paused"
    if row.retrying:
        return waits_for(row, zone, open_providers)
    return "waiting" if row.status is Status.PENDING else ""
