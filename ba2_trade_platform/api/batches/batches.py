"""Batch endpoints: preview, submit, list, pause, resume and cancel, and re-run a batch's failures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ba2_trade_platform.api.analyses.analyses import AsOf, Symbol
from ba2_trade_platform.api.batches.bulk_reruns import BulkAnswer
from ba2_trade_platform.api.http.dependencies import MAX_ID, Asker, Console, ReasonBody, RequestBody, RowId
from ba2_trade_platform.api.http.idempotency import OnceOf
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.analyses.batch_submissions import PreviewItem
from ba2_trade_platform.core.analyses.queue_service import MAX_BATCH
from ba2_trade_platform.core.batches.counts import BatchCounts
from ba2_trade_platform.core.batches.queries import BatchItem, Reason
from ba2_trade_platform.core.batches.requests import BatchRequest
from ba2_trade_platform.vocabulary import BatchKind, BatchState, ItemOutcome, Mode, Source, Subtype

router = APIRouter(prefix="/batches", tags=["batches"])
BatchId = Annotated[int, Path(ge=1, le=MAX_ID, description="The batch")]


class BatchBody(RequestBody):
    """Every symbol for every expert: the symbols named, those of a watchlist, or everything the desk knows."""

    expert_instance_ids: Annotated[list[RowId], Field(max_length=1000)]
    symbols: Annotated[list[Symbol] | None, Field(max_length=MAX_BATCH)] = None
    watchlist_id: RowId | None = None
    everything: Annotated[bool, Field(description="All instruments of the desk")] = False
    subtype: Subtype = Subtype.ENTER_MARKET
    as_of: AsOf | None = None
    name: Annotated[str | None, Field(max_length=200)] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> BatchBody:
        if (self.symbols is not None) + (self.watchlist_id is not None) + self.everything != 1:
            raise ValueError("give one of symbols, watchlist_id and everything")
        return self

    def batch_request(self) -> BatchRequest:
        """Return this as the service's request."""
        return BatchRequest(
            tuple(self.expert_instance_ids),
            tuple(self.symbols or ()),
            self.watchlist_id,
            self.everything,
            self.subtype,
            self.as_of,
            self.name,
        )


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class BatchPreviewed(_Answer):
    """What would be done; `estimated_...` absent: the experts have not worked enough to say. At most 200 items."""

    total: int
    symbols: int
    queued: int
    duplicates: int
    blocked: int
    reasons: list[Reason]
    estimated_seconds: int | None
    estimated_cost_usd: float | None
    items: list[PreviewItem]
    sentence: str


class BatchAccepted(_Answer):
    """The batch that was made, and how many of its analyses were queued, known already, or not possible."""

    id: int
    queued: int
    duplicates: int
    blocked: int
    sentence: str


class RerunPlanAnswer(_Answer):
    """What a bulk re-run was accepted to do."""

    mode: Mode
    reason: str
    filter: dict[str, Any] | None
    rate_per_minute: int | None
    canary: int | None
    will_run: int
    after_batch_id: int | None


class BatchAnswer(_Answer):
    """A batch as it stands; the counts always add up to their total.

    `stopped_...` and `reason`: of one that is paused, cancelled or aborted. `rerun`: of a bulk re-run.
    """

    id: int
    kind: BatchKind
    name: str
    source: Source | None
    actor: str
    state: BatchState
    created_at: datetime
    finished_at: datetime | None
    stopped_at: datetime | None
    stopped_by: str | None
    reason: Annotated[str | None, Field(validation_alias="stop_reason")]
    rerun: RerunPlanAnswer | None
    counts: BatchCounts
    seconds_left: int | None
    sentence: str


class BatchAnswers(_Answer):
    """One page of batches, newest first; `next_cursor` absent: no more."""

    items: list[BatchAnswer]
    next_cursor: int | None


class BatchItems(_Answer):
    """One page of items in their order; `next_cursor` absent: no more."""

    items: list[BatchItem]
    next_cursor: int | None


def _why(body: ReasonBody | None) -> str | None:
    return body.reason if body else None


@router.post("/preview", responses=documented(404))
def preview_batch(body: BatchBody, console: Console) -> BatchPreviewed:
    """Say what a batch would do, without doing it."""
    return BatchPreviewed.model_validate(console.batches.preview(body.batch_request()))


@router.post("", status_code=202, responses=documented(404))
def submit_batch(body: BatchBody, console: Console, asker: Asker, once: OnceOf) -> BatchAccepted:
    """Queue every symbol with every expert; what cannot be queued is an item with its reason."""
    source = Source.API if body.symbols is not None else None
    accepted = console.batches.submit(body.batch_request(), by=asker, source=source, once=once(BatchAccepted))
    return BatchAccepted.model_validate(accepted)


@router.get("")
def list_batches(
    console: Console,
    state: BatchState | None = None,
    kind: BatchKind | None = None,
    source: Source | None = None,
    cursor: Annotated[int | None, Query(ge=1, le=MAX_ID, description="next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> BatchAnswers:
    """Return a page of batches, newest first."""
    page = console.batches.list(state=state, kind=kind, source=source, cursor=cursor, limit=limit)
    return BatchAnswers.model_validate(page)


@router.get("/{batch_id}", responses=documented(404))
def get_batch(batch_id: BatchId, console: Console) -> BatchAnswer:
    """Return one batch as it stands."""
    return BatchAnswer.model_validate(console.batches.get(batch_id))


@router.get("/{batch_id}/items", responses=documented(404))
def list_batch_items(
    batch_id: BatchId,
    console: Console,
    outcome: Annotated[list[ItemOutcome], Query(max_length=7, description="Any of these")] = [],  # noqa: B006 - FastAPI copies it
    cursor: Annotated[int, Query(ge=0, le=MAX_ID, description="next_cursor of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> BatchItems:
    """Return a page of its items, with the reason of each that was not queued or did not complete."""
    return BatchItems.model_validate(console.batches.items(batch_id, outcome, cursor=cursor, limit=limit))


@router.post("/{batch_id}/pause", status_code=202, responses=documented(404, 409))
def pause_batch(batch_id: BatchId, console: Console, asker: Asker, body: ReasonBody | None = None) -> BatchAnswer:
    """Let nothing more of it begin; what runs goes on."""
    return BatchAnswer.model_validate(console.batches.pause(batch_id, by=asker, reason=_why(body)))


@router.post("/{batch_id}/resume", status_code=202, responses=documented(404, 409))
def resume_batch(batch_id: BatchId, console: Console, asker: Asker, body: ReasonBody | None = None) -> BatchAnswer:
    """Let a paused batch go on."""
    return BatchAnswer.model_validate(console.batches.resume(batch_id, by=asker, reason=_why(body)))


@router.post("/{batch_id}/cancel", status_code=202, responses=documented(404, 409))
def cancel_batch(batch_id: BatchId, console: Console, asker: Asker, body: ReasonBody | None = None) -> BatchAnswer:
    """End what it still has, slice by slice; running experts are stopped."""
    return BatchAnswer.model_validate(console.batches.cancel(batch_id, by=asker, reason=_why(body)))


@router.post("/{batch_id}/abort", status_code=202, responses=documented(404, 409))
def abort_batch(batch_id: BatchId, console: Console, asker: Asker, body: ReasonBody | None = None) -> BatchAnswer:
    """Skip what a bulk re-run has not queued yet; what is queued or runs goes on."""
    return BatchAnswer.model_validate(console.batches.abort(batch_id, by=asker, reason=_why(body)))


@router.post("/{batch_id}/rerun-failed", status_code=202, responses=documented(404, 409))
def rerun_failed(batch_id: BatchId, console: Console, asker: Asker, body: ReasonBody | None = None) -> BulkAnswer:
    """Re-run what failed in it, as a bulk re-run."""
    return BulkAnswer.model_validate(console.batches.rerun_failed(batch_id, by=asker, reason=_why(body)))
