"""Bulk re-run endpoints: preview, create exactly that plan, list, watch and abort."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, WithJsonSchema, model_validator

from ba2_trade_platform.api.analyses.analyses import AnalysisFilterBody
from ba2_trade_platform.api.http.answers import Answer, Page
from ba2_trade_platform.api.http.dependencies import Asker, Console, GivenReason, IdCursor, Limit, OneWay
from ba2_trade_platform.api.http.fields import DIGITS, MAX_ID, Flag, NeededReason, Number, RowId, said
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.batches.bulk_plans import MAX_ITEMS, MODES, Selection
from ba2_trade_platform.core.batches.bulk_reruns import MAX_RATE, BulkPreview
from ba2_trade_platform.core.batches.queries import Batch, BatchItem, RerunPlan
from ba2_trade_platform.vocabulary import BatchKind, BatchState, ItemOutcome, Mode

router = APIRouter(prefix="/bulk-reruns", tags=["bulk re-runs"])
BulkId = Annotated[int, Path(ge=1, le=MAX_ID, description="The bulk re-run"), DIGITS]
Outcomes = Annotated[list[ItemOutcome], Query(max_length=7, description="Any of these")]
ItemCursor = Annotated[int, Query(ge=0, le=MAX_ID, description="next_cursor of the page before"), DIGITS]


class SelectionBody(OneWay):
    """Which analyses: a filter, of which the failed ones are meant, or ids."""

    WAYS = {"filter": "object", "ids": "array"}

    filter: Annotated[
        AnalysisFilterBody | None, Field(description="The list's own filter; its failed analyses are meant")
    ] = None
    ids: Annotated[list[RowId] | None, Field(max_length=MAX_ITEMS), said(minItems=1)] = None
    mode: Annotated[
        Mode,
        Field(description="fresh: purge and do everything again; resume: keep completed steps"),
        WithJsonSchema({"type": "string", "enum": list(MODES)}),
    ] = Mode.FRESH
    override: Annotated[Flag, Field(description="Also what has reached its re-run limit")] = False

    def selection(self) -> Selection:
        """Return this as the service's selection."""
        return Selection(self.filter.filter() if self.filter else None, tuple(self.ids or ()))


class BulkRerunBody(SelectionBody):
    """A bulk re-run as it was previewed; a plan that has changed since is refused with 409 PLAN_CHANGED."""

    plan_hash: Annotated[str, Field(max_length=64, description="That of the preview")]
    reason: NeededReason
    name: Annotated[str | None, Field(max_length=200)] = None
    rate_per_minute: Annotated[
        Number | None, Field(description="At most so many a minute"), said(minimum=1, maximum=MAX_RATE)
    ] = None
    canary: Annotated[
        Number | None,
        Field(description="So many run first; the rest only if all of them complete"),
        said(minimum=1, maximum=MAX_ITEMS),
    ] = None


class BulkPreviewed(Answer, of=BulkPreview):
    """What would be done; `skip` and `blocked` say how many are not re-run, and why."""

    estimated_cost_usd: float | None


class RerunPlanAnswer(Answer, of=RerunPlan, but=["plan_hash"]):
    """What a bulk re-run was accepted to do."""

    will_run: int


class BulkState(StrEnum):
    """Where a bulk re-run stands, in the words of these routes: one of which nothing succeeded is completed too."""

    CANARY = "canary"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    CANARY_FAILED = "canary_failed"
    ABORTED = "aborted"


class BulkCounts(BaseModel):
    """What became of the items so far; `queued` has not ended yet. They always add up to `total`."""

    total: int
    queued: int
    succeeded: int
    failed: int
    skipped: int
    blocked: int


class BulkAnswer(RerunPlanAnswer):
    """A bulk re-run as it stands; the counts always add up to their total, and `queued` has not ended yet."""

    id: int
    name: str
    state: BulkState
    actor: str
    created_at: datetime
    finished_at: datetime | None
    counts: BulkCounts
    sentence: str

    @model_validator(mode="before")
    @classmethod
    def _of_batch(cls, value: Any) -> Any:
        """Read a batch of this kind in the words of these routes."""
        if not isinstance(value, Batch):
            return value
        if value.rerun is None:
            raise NotFound(f"Bulk re-run {value.id} not found")
        ended_by_itself = value.state in (BatchState.COMPLETED, BatchState.FAILED)
        return {
            **vars(value),
            **vars(value.rerun),
            "state": BulkState.COMPLETED if ended_by_itself else BulkState(value.state.value),
            "will_run": value.rerun.will_run,
            "counts": {**vars(value.counts), "queued": value.counts.remaining},
            "sentence": value.sentence,
        }


class BulkAnswers(Page[BulkAnswer, int | None]):
    """One page of bulk re-runs, newest first; `next_cursor` absent: no more."""


class BulkItem(Answer, of=BatchItem, but=["status"]):
    """One analysis in a bulk re-run; `analysis_id` absent: it was deleted. `attempt`: the one that this made."""


class BulkItems(Page[BulkItem, int | None]):
    """One page of items in their order; `next_cursor` absent: no more."""


@router.post("/preview", responses=documented(409))
def preview_bulk_rerun(body: SelectionBody, console: Console) -> BulkPreviewed:
    """Say what a bulk re-run would do, without doing it."""
    preview = console.bulk_reruns.preview(body.selection(), body.mode, override=body.override)
    return BulkPreviewed.model_validate(preview)


@router.post("", status_code=202, responses=documented(409))
def create_bulk_rerun(body: BulkRerunBody, console: Console, asker: Asker) -> BulkAnswer:
    """Re-run exactly what was previewed, slice by slice."""
    asked = body.model_dump(exclude={"filter", "ids"})
    bulk = console.bulk_reruns.create(body.selection(), **asked, by=asker)
    return BulkAnswer.model_validate(bulk)


@router.get("", deprecated=True)
def list_bulk_reruns(console: Console, cursor: IdCursor = None, limit: Limit = 50) -> BulkAnswers:
    """Return a page of bulk re-runs, newest first; /batches?kind=bulk_rerun has them too."""
    page = console.batches.list(kind=BatchKind.BULK_RERUN, cursor=cursor, limit=limit)
    return BulkAnswers.model_validate(page)


@router.get("/{bulk_id:int}", deprecated=True, responses=documented(404))
def get_bulk_rerun(bulk_id: BulkId, console: Console) -> BulkAnswer:
    """Return one bulk re-run as it stands; /batches/{id} has it too."""
    return BulkAnswer.model_validate(console.batches.get(bulk_id))


@router.get("/{bulk_id:int}/items", deprecated=True, responses=documented(404))
def list_bulk_items(
    bulk_id: BulkId,
    console: Console,
    outcome: Outcomes = [],  # noqa: B006 - FastAPI copies it
    cursor: ItemCursor = 0,
    limit: Limit = 100,
) -> BulkItems:
    """Return a page of its items, with the reason of each that was not re-run or failed again."""
    BulkAnswer.model_validate(console.batches.get(bulk_id))  # another kind of batch is none of these
    return BulkItems.model_validate(console.batches.items(bulk_id, outcome, cursor=cursor, limit=limit))


@router.post("/{bulk_id:int}/abort", deprecated=True, status_code=202, responses=documented(404, 409))
def abort_bulk_rerun(bulk_id: BulkId, console: Console, asker: Asker, reason: GivenReason) -> BulkAnswer:
    """Skip what is not queued yet; what is queued or runs goes on."""
    return BulkAnswer.model_validate(console.batches.abort(bulk_id, by=asker, reason=reason))
