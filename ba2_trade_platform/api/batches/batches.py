"""Batch endpoints: preview, submit, list, pause, resume and cancel, and re-run a batch's failures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from ba2_trade_platform.api.batches.bulk_reruns import BulkAnswer, ItemCursor, Outcomes, RerunPlanAnswer
from ba2_trade_platform.api.http.answers import Answer, Page
from ba2_trade_platform.api.http.dependencies import Asker, Console, GivenReason, IdCursor, Limit, OneWay
from ba2_trade_platform.api.http.fields import DIGITS, MAX_ID, AsOf, Flag, RowId, said
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.analyses.queue_service import MAX_BATCH
from ba2_trade_platform.core.batches.queries import Batch, BatchItem
from ba2_trade_platform.core.batches.requests import BatchPreview, BatchRequest
from ba2_trade_platform.core.batches.service import AcceptedBatch
from ba2_trade_platform.vocabulary import BatchKind, BatchState, Source, Subtype

router = APIRouter(prefix="/batches", tags=["batches"])
BatchId = Annotated[int, Path(ge=1, le=MAX_ID, description="The batch"), DIGITS]
# One that cannot be an analysis is an item with its reason.
Symbol = Annotated[str, Field(max_length=80, examples=["AAPL"])]


class BatchBody(OneWay):
    """Every symbol for every expert: the symbols named, those of a watchlist, or everything the desk knows."""

    WAYS = {"symbols": "array", "watchlist_id": "integer", "everything": "boolean"}

    expert_instance_ids: Annotated[list[RowId], Field(max_length=1000), said(minItems=1)]
    symbols: Annotated[list[Symbol] | None, Field(max_length=MAX_BATCH), said(minItems=1)] = None
    watchlist_id: RowId | None = None
    everything: Annotated[Flag, Field(description="All instruments of the desk")] = False
    subtype: Subtype = Subtype.ENTER_MARKET
    as_of: AsOf | None = None
    name: Annotated[str | None, Field(max_length=200)] = None

    def batch_request(self) -> BatchRequest:
        """Return this as the service's request."""
        lists = {"expert_instance_ids": tuple(self.expert_instance_ids), "symbols": tuple(self.symbols or ())}
        return BatchRequest(**self.model_dump() | lists)


class BatchPreviewed(Answer, of=BatchPreview):
    """What would be done; `estimated_...` absent: the experts have not worked enough to say. At most 200 items."""

    total: int
    estimated_cost_usd: float | None
    sentence: str


class BatchAccepted(Answer, of=AcceptedBatch):
    """The batch that was made, and how many of its analyses were queued, known already, or not possible."""


class BatchAnswer(Answer, of=Batch, but=["stop_reason"]):
    """A batch as it stands; the counts always add up to their total.

    `stopped_...` and `reason`: of one that is paused, cancelled or aborted. `rerun`: of a bulk re-run.
    """

    reason: Annotated[str | None, Field(validation_alias="stop_reason")]
    rerun: RerunPlanAnswer | None
    sentence: str


class BatchAnswers(Page[BatchAnswer, int | None]):
    """One page of batches, newest first; `next_cursor` absent: no more."""


class BatchItems(Page[BatchItem, int | None]):
    """One page of items in their order; `next_cursor` absent: no more."""


@router.post("/preview", responses=documented(404, 409))
def preview_batch(body: BatchBody, console: Console) -> BatchPreviewed:
    """Say what a batch would do, without doing it."""
    return BatchPreviewed.model_validate(console.batches.preview(body.batch_request()))


@router.post("", status_code=202, responses=documented(404, 409))
def submit_batch(body: BatchBody, console: Console, asker: Asker) -> BatchAccepted:
    """Queue every symbol with every expert; what cannot be queued is an item with its reason."""
    source = Source.API if body.symbols is not None else None
    accepted = console.batches.submit(body.batch_request(), by=asker, source=source)
    return BatchAccepted.model_validate(accepted)


@router.get("")
def list_batches(
    console: Console,
    state: BatchState | None = None,
    kind: BatchKind | None = None,
    source: Source | None = None,
    cursor: IdCursor = None,
    limit: Limit = 50,
) -> BatchAnswers:
    """Return a page of batches, newest first."""
    page = console.batches.list(state=state, kind=kind, source=source, cursor=cursor, limit=limit)
    return BatchAnswers.model_validate(page)


@router.get("/{batch_id:int}", responses=documented(404))
def get_batch(batch_id: BatchId, console: Console) -> BatchAnswer:
    """Return one batch as it stands."""
    return BatchAnswer.model_validate(console.batches.get(batch_id))


@router.get("/{batch_id:int}/items", responses=documented(404))
def list_batch_items(
    batch_id: BatchId,
    console: Console,
    outcome: Outcomes = [],  # noqa: B006 - FastAPI copies it
    cursor: ItemCursor = 0,
    limit: Limit = 100,
) -> BatchItems:
    """Return a page of its items, with the reason of each that was not queued or did not complete."""
    return BatchItems.model_validate(console.batches.items(batch_id, outcome, cursor=cursor, limit=limit))


@router.post("/{batch_id:int}/pause", status_code=202, responses=documented(404, 409))
def pause_batch(batch_id: BatchId, console: Console, asker: Asker, reason: GivenReason) -> BatchAnswer:
    """Let nothing more of it begin; what runs goes on."""
    return BatchAnswer.model_validate(console.batches.pause(batch_id, by=asker, reason=reason))


@router.post("/{batch_id:int}/resume", status_code=202, responses=documented(404, 409))
def resume_batch(batch_id: BatchId, console: Console, asker: Asker, reason: GivenReason) -> BatchAnswer:
    """Let a paused batch go on."""
    return BatchAnswer.model_validate(console.batches.resume(batch_id, by=asker, reason=reason))


@router.post("/{batch_id:int}/cancel", status_code=202, responses=documented(404, 409))
def cancel_batch(batch_id: BatchId, console: Console, asker: Asker, reason: GivenReason) -> BatchAnswer:
    """End what it still has, slice by slice; running experts are stopped."""
    return BatchAnswer.model_validate(console.batches.cancel(batch_id, by=asker, reason=reason))


@router.post("/{batch_id:int}/abort", status_code=202, responses=documented(404, 409))
def abort_batch(batch_id: BatchId, console: Console, asker: Asker, reason: GivenReason) -> BatchAnswer:
    """Skip what a bulk re-run has not queued yet; what is queued or runs goes on."""
    return BatchAnswer.model_validate(console.batches.abort(batch_id, by=asker, reason=reason))


@router.post("/{batch_id:int}/rerun-failed", status_code=202, responses=documented(404, 409))
def rerun_failed(batch_id: BatchId, console: Console, asker: Asker, reason: GivenReason) -> BulkAnswer:
    """Re-run what failed in it, as a bulk re-run."""
    return BulkAnswer.model_validate(console.batches.rerun_failed(batch_id, by=asker, reason=reason))
