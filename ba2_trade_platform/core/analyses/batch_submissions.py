"""Batch submission: inserts thousands of analyses in a few statements, with an item for each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import String, bindparam, literal, select, true
from sqlalchemy import insert as plain_insert
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts.submissions import NEW, UNDER_WAY, Submission, active_among
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Invalid, NotFound
from ba2_trade_platform.core.base.sanitizing import clean_text
from ba2_trade_platform.core.base.symbols import LONGEST_SYMBOL, symbol_of
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.completion.batches import BatchCompletion
from ba2_trade_platform.core.contracts.queue import NO_CHOICE, Abilities
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import each, insert, insert_rows, json_member, values_of
from ba2_trade_platform.vocabulary import BatchKind, BatchState, ItemOutcome, Mode, Source, Subtype, Trigger


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
    """What became of several submissions."""

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
    """A batch to be made: its kind and name, at whose request (an actor's row id), and where its analyses come from."""

    kind: BatchKind
    name: str
    source: Source
    actor_id: int


@dataclass(frozen=True)
class BatchSubmission:
    """A batch to be made, and what is to be in it."""

    new: NewBatch
    submissions: Sequence[Submission]


class _Row(NamedTuple):
    submission: Submission
    key: str
    batch_id: int
    new: NewBatch


# What differs from row to row; they come as JSON arrays in this order.
_OWN = ("symbol", "dedupe_key", "batch_id")
# What each statement says once, for all rows that are alike in it.
_ALIKE = ("source", "expert_instance_id", "config_id", "subtype", "priority", "as_of", "run_before")


def _statements() -> tuple[Any, Any]:
    """Return how analyses and their first attempts are inserted; built once, for each is long and often wanted.

    One statement for all that differs in nothing but symbol and batch, so that the database has the work and not we:
    everybody waits for the write lock meanwhile.
    """
    a, t_, b = t.analysis.c, t.attempt.c, t.batch.c
    given = values_of(bindparam("n_rows", type_=String)).c.value
    values = (
        {name: json_member(given, at).cast(a[name].type) for at, name in enumerate(_OWN)}
        | {name: literal(value, a[name].type) for name, value in NEW.items()}
        | {name: bindparam(f"n_{name}", type_=a[name].type) for name in _ALIKE}
        | {name: bindparam("n_now", type_=a[name].type) for name in ("created_at", "updated_at", "available_at")}
    )
    analyses = (
        insert(t.analysis)
        .from_select(list(values), select(*values.values()).where(true()))
        .on_conflict_do_nothing(index_elements=["dedupe_key"], index_where=UNDER_WAY)
        .returning(a.dedupe_key, a.id)
    )
    first = {
        t_.trigger: Trigger.FIRST, t_.mode: Mode.FRESH, t_.base_attempt: 1, t_.provider_choice: NO_CHOICE.stored()
    }  # fmt: skip
    columns = ["analysis_id", "number", "config_id", "actor_id", "queued_at", *(column.name for column in first)]
    of_batches = (
        select(
            a.id, a.attempt, a.config_id, b.actor_id, bindparam("n_now", type_=t_.queued_at.type),
            *(literal(value, column.type) for column, value in first.items()),
        )
        .join(t.batch, b.id == a.batch_id)
        .where(a.batch_id.in_(bindparam("n_batches", expanding=True)))
        .order_by(a.id)
    )  # fmt: skip
    return analyses, plain_insert(t.attempt).from_select(columns, of_batches)


_ANALYSES, _ATTEMPTS = _statements()


def foresee(session: Session, abilities: Abilities, submissions: Sequence[Submission]) -> list[PreviewItem]:
    """Return what inserting these submissions would do. Raises NotFound for an unknown expert."""
    items, _ = _judged(session, abilities, submissions)
    keys = [submission.dedupe_key for submission in submissions]
    active = active_among(session, each(keys, String()))
    return list(_answered(items, keys, active, {key: None for key in keys if key not in active}))


def insert_all(
    transaction: Transaction,
    abilities: Abilities,
    completion: BatchCompletion,
    batch_submissions: Sequence[BatchSubmission],
    now: datetime,
) -> list[SubmittedBatch]:
    """Insert the batches, what of their submissions can be queued, and an item for each, all in a few statements.

    The unique index on the dedupe key refuses duplicates, and not a look before. Raises NotFound for an unknown expert.
    """
    session = transaction.session
    batch_ids = _insert_batches(session, [batch_submission.new for batch_submission in batch_submissions], now)
    rows = [
        _Row(submission, submission.dedupe_key, batch_id, batch_submission.new)
        for batch_id, batch_submission in zip(batch_ids, batch_submissions, strict=True)
        for submission in batch_submission.submissions
    ]
    judged, instances = _judged(session, abilities, [row.submission for row in rows])
    able = [row for row, item in zip(rows, judged, strict=True) if item.outcome is ItemOutcome.QUEUED]
    made = _insert_analyses(session, able, instances, now)
    session.execute(_ATTEMPTS, {"n_batches": batch_ids, "n_now": now})
    refused = [row.key for row in able if row.key not in made]
    active = active_among(session, each(refused, String())) if refused else {}
    answered = _answered(judged, [row.key for row in rows], active, made)
    batches = [
        SubmittedBatch(batch_id, tuple(islice(answered, len(batch_submission.submissions))))
        for batch_id, batch_submission in zip(batch_ids, batch_submissions, strict=True)
    ]
    _insert_items(session, batches)
    completion.settle(transaction, batch_ids, now)
    session.execute(
        plain_insert(t.activity_log),
        [
            {
                "actor_id": batch_submission.new.actor_id, "at": now, "subject_type": Subject.BATCH,
                "subject_id": batch_id, "what": Action.SUBMIT, "after": batch_submission.new.name,
            }
            for batch_id, batch_submission in zip(batch_ids, batch_submissions, strict=True)
        ],
    )  # fmt: skip
    return batches


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


def _judged(
    session: Session, abilities: Abilities, submissions: Sequence[Submission]
) -> tuple[list[PreviewItem], dict[int, Any]]:
    """Return each submission as an item, queued or blocked, and the experts; each of those is read and asked once."""
    instances: dict[int, Any] = {}
    reasons: dict[tuple[int, Subtype], str | None] = {}
    for expert, subtype in dict.fromkeys((one.expert_instance_id, one.subtype) for one in submissions):
        if expert not in instances:
            instances[expert] = instance_of(session, expert)
        reasons[expert, subtype] = why_not(abilities, instances[expert], subtype)
    items = []
    for submission in submissions:
        instance = instances[submission.expert_instance_id]
        blocked = submission.refused or _no_symbol(submission.symbol) or reasons[instance.id, submission.subtype]
        outcome = ItemOutcome.BLOCKED if blocked else ItemOutcome.QUEUED
        # What is no symbol may be any text; one bad character must not take the whole batch down.
        symbol, why = clean_text(submission.symbol)[:LONGEST_SYMBOL], blocked and clean_text(blocked)
        items.append(PreviewItem(instance.id, instance.alias, symbol, outcome, why))
    return items, instances


def _no_symbol(text: str) -> str | None:
    try:
        known = symbol_of(text)
    except Invalid as error:
        return str(error)
    return None if known == text else f"{text[:LONGEST_SYMBOL]} is no symbol: it is stored as {known}"


def _answered(
    items: Sequence[PreviewItem], keys: Sequence[str], active: Mapping[str, int], made: Mapping[str, int | None]
) -> Iterator[PreviewItem]:
    """Give each item its analysis: the one that was made for it, or the one that was there before."""
    free = dict(made)  # the first that names it has it, whoever names it again is a duplicate
    for item, key in zip(items, keys, strict=True):
        if item.outcome is not ItemOutcome.QUEUED:
            yield item
        elif key in free:
            yield replace(item, analysis_id=free.pop(key))
        else:
            holder = active.get(key) or made.get(key)
            reason = f"already under way as analysis {holder}" if holder else "named twice"
            yield replace(item, outcome=ItemOutcome.DUPLICATE, reason=reason, analysis_id=holder)


def _insert_batches(session: Session, batches: Sequence[NewBatch], now: datetime) -> list[int]:
    ids = session.scalars(
        plain_insert(t.batch).returning(t.batch.c.id, sort_by_parameter_order=True),
        [
            {
                "kind": new.kind, "name": new.name, "source": new.source, "actor_id": new.actor_id,
                "state": BatchState.RUNNING, "created_at": now,
            }
            for new in batches
        ],
    )  # fmt: skip
    return list(ids)


def _insert_analyses(
    session: Session, able: Sequence[_Row], instances: Mapping[int, Any], now: datetime
) -> dict[str, int]:
    """Insert what is not under way yet; return the new ids by their dedupe keys."""
    groups: dict[tuple[Any, ...], list[tuple[str, str, int]]] = {}
    for row in able:
        submission = row.submission
        alike = (
            row.new.source, submission.expert_instance_id, instances[submission.expert_instance_id].config_id,
            submission.subtype, submission.priority, submission.as_of, submission.run_before,
        )  # fmt: skip
        groups.setdefault(alike, []).append((submission.symbol, row.key, row.batch_id))
    made: dict[str, int] = {}
    for alike, rows in groups.items():
        values = {f"n_{name}": value for name, value in zip(_ALIKE, alike, strict=True)}
        inserted = session.execute(_ANALYSES, values | {"n_rows": json.dumps(rows), "n_now": now})
        made |= {row.dedupe_key: row.id for row in inserted}
    return made


ITEM_COLUMNS = (
    "batch_id", "position", "symbol", "expert_instance_id", "analysis_id", "attempt", "outcome", "reason",
)  # fmt: skip


def _insert_items(session: Session, batches: Sequence[SubmittedBatch]) -> None:
    rows = [
        (
            batch.batch_id,
            position,
            item.symbol,
            item.expert_instance_id,
            item.analysis_id,
            1 if item.outcome is ItemOutcome.QUEUED else None,
            item.outcome.value,
            item.reason,
        )
        for batch in batches
        for position, item in enumerate(batch.items, start=1)
    ]
    insert_rows(session.connection(), t.batch_item, ITEM_COLUMNS, rows)
