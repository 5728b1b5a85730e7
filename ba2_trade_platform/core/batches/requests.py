"""Batch request: resolves its symbols and experts, and previews its submission without writing anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.batch_submissions import PreviewItem
from ba2_trade_platform.core.base.errors import Impossible, Invalid, NotFound
from ba2_trade_platform.core.base.sanitizing import clean_name
from ba2_trade_platform.core.batches.counts import expected_cost, expected_seconds
from ba2_trade_platform.core.batches.queries import REASONS, Reason
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ItemOutcome, Source, Subtype

NAME_LENGTH = 200


@dataclass(frozen=True)
class BatchRequest:
    """Which symbols - those named, a watchlist's, or everything the desk knows - go to which experts.

    A bare date as `as_of` means each symbol's close of that session; None the market's present when an attempt starts.
    """

    expert_instance_ids: tuple[int, ...]
    symbols: tuple[str, ...] = ()
    watchlist_id: int | None = None
    everything: bool = False
    subtype: Subtype = Subtype.ENTER_MARKET
    as_of: datetime | date | None = None
    name: str | None = None

    @property
    def source(self) -> Source:
        """Where its analyses come from, unless the caller has its own word for it."""
        return Source.WATCHLIST if self.watchlist_id is not None else Source.BULK


@dataclass(frozen=True)
class BatchPreview:
    """What a submission would do now; the first items, those that need attention in front.

    `estimated_seconds` and `estimated_cost_usd` are None where the experts have not worked enough to say.
    """

    symbols: int
    queued: int
    duplicates: int
    blocked: int
    reasons: tuple[Reason, ...]
    estimated_seconds: int | None
    estimated_cost_usd: Decimal | None
    items: tuple[PreviewItem, ...]

    @property
    def total(self) -> int:
        """How many analyses were asked for."""
        return self.queued + self.duplicates + self.blocked

    @property
    def sentence(self) -> str:
        """Say how many would be queued, and how many not."""
        text = f"{self.queued:,} {'analysis' if self.queued == 1 else 'analyses'} will be queued"
        text += f", {self.duplicates:,} already under way" if self.duplicates else ""
        return text + (f", {self.blocked:,} not possible" if self.blocked else "")


def named(session: Session, request: BatchRequest) -> BatchRequest:
    """Return the request with its symbols in full and with a name. Raises Invalid or NotFound."""
    ways = [bool(request.symbols), request.watchlist_id is not None, request.everything]
    if sum(ways) > 1:
        raise Invalid("Choose one: symbols, a watchlist, or everything")
    symbols, about = request.symbols, ""
    if request.everything:
        symbols = tuple(session.scalars(select(t.instrument.c.symbol).order_by(t.instrument.c.symbol)))
        about = f"Everything, {len(symbols):,} symbols"
        if not symbols:
            raise Impossible("The desk knows no instruments yet: add some on the page Watchlists")
    elif request.watchlist_id is not None:
        name, symbols = _listed(session, request.watchlist_id)
        about = f"{name}, {_count(len(symbols), 'symbol')}"
    name = clean_name(request.name or "")
    if len(name) > NAME_LENGTH:
        raise Invalid(f"The name of a batch may have {NAME_LENGTH} characters")
    experts = _count(len(set(request.expert_instance_ids)), "expert")
    title = name or f"{about or _count(len(set(symbols)), 'symbol')}, {experts}"
    return replace(request, symbols=symbols, name=title[:NAME_LENGTH])


def preview_of(session: Session, items: Sequence[PreviewItem], shown: int) -> BatchPreview:
    """Return what would become of these items, with the time and money it may take."""
    counts = Counter(item.outcome for item in items)
    per_expert = Counter(item.expert_instance_id for item in items if item.outcome is ItemOutcome.QUEUED)
    why = Counter(item.reason or "" for item in items if item.outcome is ItemOutcome.BLOCKED)
    outcome_order = (ItemOutcome.BLOCKED, ItemOutcome.DUPLICATE, ItemOutcome.QUEUED)
    return BatchPreview(
        len({item.symbol for item in items}),
        counts[ItemOutcome.QUEUED],
        counts[ItemOutcome.DUPLICATE],
        counts[ItemOutcome.BLOCKED],
        tuple(Reason(ItemOutcome.BLOCKED, reason, count) for reason, count in why.most_common(REASONS)),
        expected_seconds(session, per_expert),
        expected_cost(session, per_expert),
        tuple(sorted(items, key=lambda item: outcome_order.index(item.outcome)))[:shown],
    )


def _listed(session: Session, watchlist_id: int) -> tuple[str, tuple[str, ...]]:
    item = t.watchlist_item.c
    name = session.scalar(select(t.watchlist.c.name).where(t.watchlist.c.id == watchlist_id))
    if name is None:
        raise NotFound(f"Watchlist {watchlist_id} not found")
    symbols = session.scalars(
        select(t.instrument.c.symbol)
        .join(t.watchlist_item, item.instrument_id == t.instrument.c.id)
        .where(item.watchlist_id == watchlist_id)
        .order_by(item.position, item.id)
    ).all()
    if not symbols:
        raise Impossible(f"The watchlist {name} has no symbols yet: add some on the page Watchlists")
    return name, tuple(symbols)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
