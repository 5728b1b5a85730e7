"""Failure inbox endpoints: list groups, resolve, ignore, reopen or re-run one, and override its kind."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from ba2_trade_platform.api.batches.bulk_reruns import BulkAnswer
from ba2_trade_platform.api.http.answers import Items, Page
from ba2_trade_platform.api.http.dependencies import Asker, Console, GivenReason, ReasonBody, RequestBody
from ba2_trade_platform.api.http.fields import DIGITS, MAX_ID, Number, Place, Real, said
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.failures.group_states import LIVE, GroupState
from ba2_trade_platform.core.monitoring.failure_inbox import MAX_LIMIT, Group
from ba2_trade_platform.core.monitoring.failure_triage import LONGEST, MOST, TriageChange
from ba2_trade_platform.core.monitoring.rerun_outlook import AnsweringAttempt, KindOverride, RerunOutlook
from ba2_trade_platform.vocabulary import FailureKind, Status

router = APIRouter(prefix="/failures", tags=["failures"])
Fingerprint = Annotated[str, Path(max_length=64, description="What equal failures share")]


class FailureQuery(RequestBody):
    """Which groups."""

    state: Annotated[
        list[GroupState], Field(max_length=len(GroupState), description="Any of these; absent: what needs attention")
    ] = []
    cursor: Place | None = None
    limit: Annotated[int, Field(ge=-MAX_ID, le=MAX_ID), DIGITS, said(minimum=1, maximum=MAX_LIMIT)] = 50


class IgnoreBody(ReasonBody):
    """For how long: a time, until so many more are seen, or, with neither, for ever."""

    seconds: Annotated[
        Real | None, Field(description="Up to 366 days"), said(minimum=1, maximum=LONGEST.total_seconds())
    ] = None
    until_more: Annotated[Number | None, said(minimum=1, maximum=MOST)] = None


class KindBody(ReasonBody):
    """Of which kind the failures of a group are held to be."""

    kind: FailureKind


class Inbox(Page[Group, str | None]):
    """A page of groups, and how many groups need a person, 1,001 standing for more."""

    needs_person: int


class MarkedGroup(BaseModel):
    """A group that was marked, as it stands now."""

    sentence: str
    group: Group


class KindSaid(BaseModel):
    """What is said of a group once its kind was set or cleared."""

    sentence: str
    assessment: RerunOutlook


@router.get("", responses=documented(409))
def failures(wanted: Annotated[FailureQuery, Query()], console: Console) -> Inbox:
    """Return a page of groups of equal failures, what needs a person first."""
    page = console.monitoring.failures.groups(wanted.state or LIVE, limit=wanted.limit, cursor=wanted.cursor)
    return Inbox(
        items=list(page.items), next_cursor=page.next_cursor, needs_person=console.monitoring.failures.needs_person()
    )


@router.get("/overrides")
def overrides(console: Console) -> Items[KindOverride]:
    """Return every group whose kind the operator has set."""
    return Items(items=console.monitoring.outlook.overrides())


@router.get("/{fingerprint}", responses=documented(404))
def failure(fingerprint: Fingerprint, console: Console) -> Group:
    """Return one group, whatever its state, with its verdict."""
    return console.monitoring.failures.group(fingerprint)


@router.get("/{fingerprint}/evidence")
def evidence(fingerprint: Fingerprint, console: Console) -> Items[AnsweringAttempt]:
    """Return the newest 20 attempts that answered this error, and how they ended."""
    return Items(items=console.monitoring.outlook.evidence(fingerprint))


@router.post("/{fingerprint}/resolve", responses=documented(404))
def resolve(fingerprint: Fingerprint, console: Console, asker: Asker, reason: GivenReason) -> MarkedGroup:
    """Say that it is fixed: it leaves the inbox until it comes back."""
    return _marked(console, console.monitoring.triage.resolve(fingerprint, by=asker, reason=reason))


@router.post("/{fingerprint}/ignore", responses=documented(404, 409))
def ignore(fingerprint: Fingerprint, console: Console, asker: Asker, body: IgnoreBody | None = None) -> MarkedGroup:
    """Leave it out of the inbox for a time, until so many more, or for ever."""
    body = body or IgnoreBody()
    change = console.monitoring.triage.ignore(
        fingerprint, by=asker, seconds=body.seconds, more=body.until_more, reason=body.reason
    )
    return _marked(console, change)


@router.post("/{fingerprint}/reopen", responses=documented(404))
def reopen(fingerprint: Fingerprint, console: Console, asker: Asker, reason: GivenReason) -> MarkedGroup:
    """Take back what was said of it."""
    return _marked(console, console.monitoring.triage.reopen(fingerprint, by=asker, reason=reason))


@router.post("/{fingerprint}/rerun", status_code=202, responses=documented(404, 409))
def rerun(fingerprint: Fingerprint, console: Console, asker: Asker, reason: GivenReason) -> BulkAnswer:
    """Re-run all that stands failed in this group, as a bulk re-run without a preview; that of bulk re-runs has one."""
    group = console.monitoring.failures.group(fingerprint)
    selection = Selection(Filter(status=(Status.FAILED,), fingerprint=fingerprint))
    bulk = console.bulk_reruns.create(
        selection,
        reason=reason or f"re-run of the group {group.code}",
        plan_hash=console.bulk_reruns.preview(selection).plan_hash,
        by=asker,
        name=f"{group.code} {fingerprint}",
    )
    return BulkAnswer.model_validate(bulk)


@router.put("/{fingerprint}/kind", responses=documented(404))
def set_kind(fingerprint: Fingerprint, body: KindBody, console: Console, asker: Asker) -> KindSaid:
    """Hold the failures of this group to be of this kind: verdicts and automatic retries follow it."""
    outlook = console.monitoring.outlook.set_kind(fingerprint, body.kind, by=asker, reason=body.reason)
    return KindSaid(sentence=f"Held to be {body.kind.value}", assessment=outlook)


@router.delete("/{fingerprint}/kind", responses=documented(404))
def clear_kind(fingerprint: Fingerprint, console: Console, asker: Asker) -> KindSaid:
    """Hold them again to be of the kind that their code says."""
    outlook = console.monitoring.outlook.clear_kind(fingerprint, by=asker)
    return KindSaid(sentence=f"Held to be {outlook.kind.value} again, as its code says", assessment=outlook)


def _marked(console: Platform, change: TriageChange) -> MarkedGroup:
    return MarkedGroup(sentence=change.sentence, group=console.monitoring.failures.group(change.fingerprint))
