"""Places a batch: thousands of orders in a few statements, each with an item that says what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import String, func, literal, select, true
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from ba2_trade_platform.core.actors import note
from ba2_trade_platform.core.attempts import settle_batches
from ba2_trade_platform.core.bulk_plans import each
from ba2_trade_platform.core.cleaning import clean_text
from ba2_trade_platform.core.errors import Invalid, NotFound
from ba2_trade_platform.core.providers import NO_CHOICE
from ba2_trade_platform.core.queue.endings import Abilities
from ba2_trade_platform.core.queue.submissions import UNDER_WAY, Order, active_among, dedupe_key, symbol_of
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.enums import BatchKind, BatchState, ItemOutcome, Mode, Source, Status, Subtype, Trigger

SYMBOL_LENGTH = 40


@dataclass(frozen=True)
class PreviewItem:
    """What submitting one symbol to one expert would do; `reason` says why it would not make a new analysis."""

    expert_instance_id: int
    alias: str
    symbol: str
    outcome: ItemOutcome
    reason: str | None = None
    analysis_id: int | None = None


@dataclass(frozen=True)
class SubmittedBatch:
    """What became of several orders."""

    batch_id: int
    items: tuple[PreviewItem, ...]

    @property
    def sentence(self) -> str:
        """Say what was queued and what was not."""
        queued = self.count(ItemOutcome.QUEUED)
        duplicates = self.count(ItemOutcome.DUPLICATE)
        blocked = len(self.items) - queued - duplicates
        rest = [f"{duplicates:,} already under way"] * bool(duplicates) + [f"{blocked:,} not possible"] * bool(blocked)
        plural = "analysis" if queued == 1 else "analyses"
        return f"Batch {self.batch_id}: {queued:,} {plural} queued" + "".join(f", {part}" for part in rest)

    def count(self, outcome: ItemOutcome) -> int:
        """How many items became this."""
        return sum(item.outcome is outcome for item in self.items)


@dataclass(frozen=True)
class NewBatch:
    """A batch to be made: what by, called what, on whose wish (an actor's row id), and where its analyses come from."""

    kind: BatchKind
    name: str
    source: Source
    actor_id: int


def foresee(session: Session, abilities: Abilities, orders: Sequence[Order]) -> list[PreviewItem]:
    """Return what placing these orders would do. Raises NotFound for an unknown expert."""
    items, _ = _judged(session, abilities, orders)
    keys = [_key(order) for order in orders]
    held = active_among(session, each(keys, String()))
    return list(_answered(items, keys, held, {key: None for key in keys if key not in held}))


def place_all(
    session: Session, abilities: Abilities, new: NewBatch, orders: Sequence[Order], now: datetime
) -> SubmittedBatch:
    """Insert the batch, what of its orders can be queued, and an item for each. Raises NotFound for an unknown expert.

    The unique index on the dedupe key refuses duplicates, and not a look before.
    """
    judged, instances = _judged(session, abilities, orders)
    batch_id = _insert_batch(session, new, now)
    keys = [_key(order) for order in orders]
    able = [
        (order, key)
        for order, key, item in zip(orders, keys, judged, strict=True)
        if item.outcome is ItemOutcome.QUEUED
    ]
    made = _insert_analyses(session, able, instances, new.source, batch_id, now) if able else {}
    _open_attempts(session, batch_id, new.actor_id, now)
    refused = [key for _, key in able if key not in made]
    held = active_among(session, each(refused, String())) if refused else {}
    items = tuple(_answered(judged, keys, held, made))
    _insert_items(session, batch_id, items)
    settle_batches(session, [batch_id], now)
    note(session, new.actor_id, now, "submit", subject_type="batch", subject_id=batch_id, after=new.name)
    return SubmittedBatch(batch_id, items)


def instance_of(session: Session, instance_id: int) -> Any:
    """Return what queueing needs to know of an expert instance. Raises NotFound."""
    i = t.expert_instance.c
    row = session.execute(
        select(i.id, i.alias, i.expert, i.enabled, i.archived_at, i.config_id, t.expert_config.c.settings)
        .outerjoin(t.expert_config, t.expert_config.c.id == i.config_id)
        .where(i.id == instance_id)
    ).one_or_none()
    if row is None:
        raise NotFound(f"Expert instance {instance_id} not found")
    return row


def why_not(abilities: Abilities, instance: Any, subtype: Subtype) -> str | None:
    """Return why an expert instance cannot be given work, None when it can."""
    if instance.archived_at is not None:
        return "it was removed"
    if not instance.enabled:
        return "it is disabled"
    return abilities(instance.expert, instance.settings or {}, subtype).unavailable


def _key(order: Order) -> str:
    return dedupe_key(order.expert_instance_id, order.symbol, order.subtype, order.as_of)


def _judged(
    session: Session, abilities: Abilities, orders: Sequence[Order]
) -> tuple[list[PreviewItem], dict[int, Any]]:
    """Return each order as an item, queued or blocked, and the experts; each of those is read and asked once."""
    instances: dict[int, Any] = {}
    reasons: dict[tuple[int, Subtype], str | None] = {}
    for expert, subtype in dict.fromkeys((order.expert_instance_id, order.subtype) for order in orders):
        if expert not in instances:
            instances[expert] = instance_of(session, expert)
        reasons[expert, subtype] = why_not(abilities, instances[expert], subtype)
    items = []
    for order in orders:
        instance = instances[order.expert_instance_id]
        blocked = order.refused or _no_symbol(order.symbol) or reasons[instance.id, order.subtype]
        outcome = ItemOutcome.BLOCKED if blocked else ItemOutcome.QUEUED
        # What is no symbol may be any text; one bad character must not take the whole batch down.
        symbol, why = clean_text(order.symbol)[:SYMBOL_LENGTH], blocked and clean_text(blocked)
        items.append(PreviewItem(instance.id, instance.alias, symbol, outcome, why))
    return items, instances


def _no_symbol(text: str) -> str | None:
    try:
        known = symbol_of(text)
    except Invalid as error:
        return str(error)
    return None if known == text else f"{text[:SYMBOL_LENGTH]} is no symbol: it is stored as {known}"


def _answered(
    items: Sequence[PreviewItem], keys: Sequence[str], held: Mapping[str, int], made: Mapping[str, int | None]
) -> Iterator[PreviewItem]:
    """Give each item its analysis: the one that was made for it, or the one that was there before."""
    free = dict(made)  # the first that names it has it, whoever names it again is a duplicate
    for item, key in zip(items, keys, strict=True):
        if item.outcome is not ItemOutcome.QUEUED:
            yield item
        elif key in free:
            yield replace(item, analysis_id=free.pop(key))
        else:
            holder = held.get(key) or made.get(key)
            reason = f"already under way as analysis {holder}" if holder else "named twice"
            yield replace(item, outcome=ItemOutcome.DUPLICATE, reason=reason, analysis_id=holder)


def _insert_batch(session: Session, new: NewBatch, now: datetime) -> int:
    batch_id = session.scalar(
        plain_insert(t.batch)
        .values(
            kind=new.kind,
            name=new.name,
            source=new.source,
            actor_id=new.actor_id,
            state=BatchState.RUNNING,
            created_at=now,
        )
        .returning(t.batch.c.id)
    )
    return int(batch_id or 0)


def _insert_analyses(
    session: Session,
    able: Sequence[tuple[Order, str]],
    instances: Mapping[int, Any],
    source: Source,
    batch_id: int,
    now: datetime,
) -> dict[str, int]:
    """Insert what is not under way yet; return the new ids by their dedupe keys.

    One statement for all that differs in nothing but its symbol, so that the database has the work and not we:
    everybody waits for the write lock meanwhile.
    """
    a = t.analysis.c
    same = {
        a.status: Status.PENDING, a.source: source, a.batch_id: batch_id, a.held: False, a.created_at: now,
        a.updated_at: now, a.available_at: now, a.attempt: 1, a.reruns_used: 0, a.retries_used: 0, a.rescues_used: 0,
        a.progress: 0, a.version: 1,
    }  # fmt: skip
    groups: dict[tuple[Any, ...], list[tuple[str, str]]] = {}
    for order, key in able:
        alike = (order.expert_instance_id, order.subtype, order.priority, order.as_of, order.run_before)
        groups.setdefault(alike, []).append((order.symbol, key))
    made: dict[str, int] = {}
    for (expert, *rest), pairs in groups.items():
        config_id = instances[expert].config_id
        named = zip(
            (a.expert_instance_id, a.config_id, a.subtype, a.priority, a.as_of, a.run_before),
            (expert, config_id, *rest),
            strict=True,
        )
        values = same | dict(named)
        given = func.json_each(json.dumps(pairs)).table_valued("value").c.value
        pair = [func.json_extract(given, "$[0]"), func.json_extract(given, "$[1]")]
        rows = select(*pair, *(literal(value, column.type) for column, value in values.items())).where(true())
        statement = (
            insert(t.analysis)
            .from_select(["symbol", "dedupe_key", *(column.name for column in values)], rows)
            .on_conflict_do_nothing(index_elements=["dedupe_key"], index_where=UNDER_WAY)
            .returning(a.dedupe_key, a.id)
        )
        made |= {row.dedupe_key: row.id for row in session.execute(statement)}
    return made


def _open_attempts(session: Session, batch_id: int, actor_id: int, now: datetime) -> None:
    """Open the first attempt of everything in this batch, in one statement."""
    a, t_ = t.analysis.c, t.attempt.c
    first = {
        t_.trigger: Trigger.FIRST, t_.mode: Mode.FRESH, t_.base_attempt: 1, t_.actor_id: actor_id, t_.queued_at: now,
        t_.provider_choice: NO_CHOICE.stored(),
    }  # fmt: skip
    values = [literal(value, column.type) for column, value in first.items()]
    of_batch = select(a.id, a.attempt, a.config_id, *values).where(a.batch_id == batch_id)
    columns = ["analysis_id", "number", "config_id", *(column.name for column in first)]
    session.execute(plain_insert(t.attempt).from_select(columns, of_batch))


def _insert_items(session: Session, batch_id: int, items: Sequence[PreviewItem]) -> None:
    # By the driver: ten thousand rows take it a third of the time, and everybody's writes wait meanwhile.
    session.connection().exec_driver_sql(
        "INSERT INTO batch_item (batch_id, position, symbol, expert_instance_id, analysis_id, attempt, outcome, reason)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                batch_id,
                position,
                item.symbol,
                item.expert_instance_id,
                item.analysis_id,
                1 if item.outcome is ItemOutcome.QUEUED else None,
                item.outcome.value,
                item.reason,
            )
            for position, item in enumerate(items, start=1)
        ],
    )
