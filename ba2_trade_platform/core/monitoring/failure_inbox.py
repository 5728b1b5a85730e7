"""Failure inbox: read model of failure groups, with their last 24 hours and the experts they touch.

Decision record: docs/decisions/0008.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import String, bindparam, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.filters import Filter, conditions_of
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.base.pages import Page, checked_limit, decode_cursor
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.failures import group_states
from ba2_trade_platform.core.failures.group_states import BY_FAILED, LIVE, GroupState, PageEntry
from ba2_trade_platform.core.failures.groups import hour_of
from ba2_trade_platform.core.monitoring.job_list import bounded_count, bounded_words
from ba2_trade_platform.core.monitoring.rerun_outlook import Error, RerunOutlook, outlooks_of
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.dialect_text import statement
from ba2_trade_platform.db.rows import AnyRow
from ba2_trade_platform.db.types import UtcDateTime
from ba2_trade_platform.vocabulary import Mark, Status

HOURS = 24
MAX_LIMIT = 100
NEEDY_BOUND = 1_000
SYMBOLS_NAMED = 20
MESSAGE_SHOWN = 500
_LOOKED_AT = 1_000  # of one group's analyses, for the symbols it touches
_RECENT = 50  # of the attempts of a group of which nothing stands failed
_G = t.failure_group.c
_FAILED_NOW = f"""
    SELECT symbol FROM market_analysis{BY_FAILED}
    WHERE status = 'failed' AND fingerprint = wanted.value LIMIT {_LOOKED_AT}"""
_FAILED_EXPERTS = f"""
    SELECT i.id FROM expert_instance AS i
    WHERE EXISTS (SELECT 1 FROM market_analysis AS a{BY_FAILED}
                  WHERE a.status = 'failed' AND a.fingerprint = wanted.value AND a.expert_instance_id = i.id)"""
_LATELY = f"""
    SELECT a.symbol, a.expert_instance_id FROM analysis_attempt AS b JOIN market_analysis AS a ON a.id = b.analysis_id
    WHERE b.fingerprint = wanted.value ORDER BY b.id DESC LIMIT {_RECENT}"""
_EXPERTS_LATELY = f"SELECT DISTINCT expert_instance_id AS id FROM ({_LATELY}) AS lately"


def _touching(symbols: str, experts: str) -> Any:
    return statement(f"""
        SELECT wanted.value, (SELECT json_list(id) FROM ({experts}) AS touched),
               (SELECT json_list(symbol) FROM (SELECT DISTINCT symbol FROM ({symbols}) AS looked_at) AS named)
        FROM json_values(:keys) AS wanted""").bindparams(bindparam("keys", type_=String()))


_TOUCHED_NOW = _touching(_FAILED_NOW, _FAILED_EXPERTS)
_TOUCHED_LATELY = _touching(_LATELY, _EXPERTS_LATELY)
_SEEN_HOURLY = statement("""
    SELECT wanted.value, (
        SELECT json_list(json_pair(CAST(ROUND(seconds_between(:since, hour) / 3600) AS INTEGER), seen))
        FROM failure_hour WHERE fingerprint = wanted.value AND hour >= :since)
    FROM json_values(:keys) AS wanted""").bindparams(
    bindparam("since", type_=UtcDateTime()), bindparam("keys", type_=String())
)


@dataclass(frozen=True)
class Touched:
    """An expert that a group of failures touches."""

    id: int
    alias: str


class _Reach(NamedTuple):
    experts: tuple[Touched, ...] = ()
    symbols: tuple[str, ...] = ()
    symbol_count: int = 0


@dataclass(frozen=True)
class Group:
    """Equal failures. `hours` counts those of the last 24 hours, the present one last.

    Experts and symbols are of what stands failed now, else of the newest failures; of the symbols the first 20 are
    named, and for `symbol_count` no more than 1,000 analyses are looked at.
    """

    fingerprint: str
    code: str
    message: str
    provider: str | None
    state: GroupState
    assessment: RerunOutlook
    failed_now: int
    scheduled: int
    seen: int
    first_seen: datetime
    last_seen: datetime
    hours: tuple[int, ...]
    experts: tuple[Touched, ...]
    symbols: tuple[str, ...]
    symbol_count: int
    regressed_at: datetime | None
    mark: Mark | None
    marked_by: str | None
    marked_at: datetime | None
    mark_reason: str | None
    ignore_until: datetime | None
    ignore_more: int | None


@dataclass(frozen=True)
class Summary:
    """How the day went: groups that need a person, analyses completed today, and those that a retry completed."""

    needs_person: int
    completed_today: int
    recovered_by_retry: int

    @property
    def sentence(self) -> str:
        """Say it."""
        groups = "1 group of failures needs" if self.needs_person == 1 else f"{self.needs_person:,} groups need"
        return (
            f"{f'{groups} you' if self.needs_person else 'Nothing needs you'}. "
            f"{bounded_words(self.completed_today)} completed today, "
            f"{bounded_words(self.recovered_by_retry)} recovered by retry."
        )


class FailureInbox:
    """Reads groups of failures: a page of them, one, or how many need a person."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def groups(self, states: Sequence[GroupState] = LIVE, *, limit: int = 50, cursor: str | None = None) -> Page[Group]:
        """Return up to `limit` (1-100) groups in these states: what came back or stands failed first, most first.

        Raises Invalid for a broken cursor or limit.
        """
        checked_limit(limit, MAX_LIMIT)
        after, now = decode_cursor(cursor, group_states.entry_after) if cursor else None, self._store.clock.now()
        with self._store.read() as session:
            found = group_states.page_entries(session, states, now, limit + 1, after)
            items = _groups(session, found[:limit], now)
        return Page(tuple(items), group_states.cursor_of(found[limit - 1]) if len(found) > limit else None)

    def group(self, fingerprint: str) -> Group:
        """Return one group, whatever its state. Raises NotFound."""
        now = self._store.clock.now()
        with self._store.read() as session:
            entry = group_states.entry_of(session, fingerprint, now)
            if entry is None:
                raise NotFound(f"There is no group of failures {fingerprint[:64]}", code="FAILURE_GROUP_NOT_FOUND")
            return _groups(session, [entry], now)[0]

    def needs_person(self) -> int:
        """Return how many groups need a person, 1,001 standing for more."""
        with self._store.read() as session:
            return group_states.count_needy(session, self._store.clock.now(), NEEDY_BOUND + 1)

    def summary(self, today: datetime) -> Summary:
        """Return how the day went; `today` is the instant at which the trader's day began."""
        completed = conditions_of(Filter(status=(Status.COMPLETED,), finished_since=today))
        with self._store.read() as session:
            return Summary(
                group_states.count_needy(session, self._store.clock.now(), NEEDY_BOUND + 1),
                bounded_count(session, *completed),
                bounded_count(session, *completed, t.analysis.c.retries_used > 0),
            )


def _groups(session: Session, found: Sequence[PageEntry], now: datetime) -> list[Group]:
    names = [entry.fingerprint for entry in found]
    stored = session.execute(
        select(t.failure_group, t.actor.c.name)
        .outerjoin(t.actor, t.actor.c.id == _G.marked_by)
        .where(_G.fingerprint.in_(names))
    )
    rows = {row.fingerprint: row for row in stored}
    outlooks = outlooks_of(session, [Error(row.fingerprint, row.code) for row in rows.values()])
    hours, reach = _hours(session, names, now), _reach(session, found)
    return [
        _group(entry, rows[name], outlooks[name], hours[name], reach.get(name, _Reach()))
        for name, entry in zip(names, found, strict=True)
    ]


def _group(entry: PageEntry, row: AnyRow, outlook: RerunOutlook, hours: tuple[int, ...], reach: _Reach) -> Group:
    ignored = entry.state is GroupState.IGNORED
    return Group(
        fingerprint=entry.fingerprint,
        code=row.code,
        message=row.message[:MESSAGE_SHOWN],
        provider=row.provider,
        state=entry.state,
        assessment=outlook,
        failed_now=entry.failed_now,
        scheduled=entry.scheduled,
        seen=row.seen,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        hours=hours,
        **reach._asdict(),
        regressed_at=row.regressed_at,
        mark=row.mark,
        marked_by=row.name,
        marked_at=row.marked_at,
        mark_reason=row.mark_reason,
        ignore_until=row.ignore_until if ignored else None,
        ignore_more=row.ignore_seen - row.seen if ignored and row.ignore_seen is not None else None,
    )


def _hours(session: Session, names: Sequence[str], now: datetime) -> dict[str, tuple[int, ...]]:
    """Return what each group's last 24 hours saw."""
    since = hour_of(now) - timedelta(hours=HOURS - 1)
    counted = {name: [0] * HOURS for name in names}
    for name, hourly in session.execute(_SEEN_HOURLY, {"keys": json.dumps(names), "since": since}):
        for hour, seen in json.loads(hourly):
            counted[name][min(hour, HOURS - 1)] += seen
    return {name: tuple(hours) for name, hours in counted.items()}


def _reach(session: Session, found: Sequence[PageEntry]) -> dict[str, _Reach]:
    """Return the experts and symbols of each group: of what stands failed, else of what failed lately."""
    failing = [entry.fingerprint for entry in found if entry.failed_now]
    others = [entry.fingerprint for entry in found if not entry.failed_now]
    touched = {
        name: (json.loads(experts), sorted(json.loads(symbols)))
        for statement, names in ((_TOUCHED_NOW, failing), (_TOUCHED_LATELY, others))
        if names
        for name, experts, symbols in session.execute(statement, {"keys": json.dumps(names)})
    }
    i = t.expert_instance.c
    wanted = {expert for experts, _ in touched.values() for expert in experts}
    aliases = {row.id: row.alias for row in session.execute(select(i.id, i.alias).where(i.id.in_(wanted)))}
    return {
        name: _Reach(
            tuple(Touched(expert, aliases[expert]) for expert in sorted(experts)),
            tuple(symbols[:SYMBOLS_NAMED]),
            len(symbols),
        )
        for name, (experts, symbols) in touched.items()
    }
