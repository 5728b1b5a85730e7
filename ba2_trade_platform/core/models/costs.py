"""Cost report: sums the call log by expert, model, day or outcome, and keeps the day's budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Select, String, case, cast, func, literal, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.app_settings import BUDGET_PER_DAY, DeskSettings, amount, stored_amount
from ba2_trade_platform.core.base.errors import Impossible, Invalid, NotFound
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.models.attempt_costs import SUMS, Spend
from ba2_trade_platform.core.models.budgets import usd
from ba2_trade_platform.core.models.daily_totals import DailyTotals, utc_day
from ba2_trade_platform.core.models.trial_calls import UNSAVED
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.db.sql import day_stamp, unindexed
from ba2_trade_platform.vocabulary import CallOutcome, Outcome

GroupBy = Literal["expert", "model", "provider", "day", "outcome", "symbol", "analysis"]
GROUPS: tuple[str, ...] = get_args(GroupBy)
PERIODS = {"7d": 7, "30d": 30, "90d": 90}
BOUND = 1_000
DEAREST = 12
RUNNING, DELETED, TEST, TRIAL = "running", "deleted", "connection test", "trial"
NO_ANALYSIS = 0  # the calls of Test connection: they belong to no analysis, expert or symbol
_C, _T = t.model_call.c, t.attempt.c
_COST = func.sum(_C.cost)
_OUTCOME: ColumnElement[Any] = case(
    (_C.analysis_id == NO_ANALYSIS, literal(TEST)),
    (_C.analysis_id < NO_ANALYSIS, literal(TRIAL)),
    (_T.id.is_(None), literal(DELETED)),
    else_=func.coalesce(cast(_T.outcome, String), literal(RUNNING)),
)
# Grouped by expressions, or SQLite would walk a whole index that is in their order instead of the period.
_EXPERT, _ANALYSIS = unindexed(_C.expert_instance_id), unindexed(_C.analysis_id)
_KEYS: Mapping[str, ColumnElement[Any]] = {
    "expert": _EXPERT,
    "model": _C.model,
    "provider": _C.provider,
    "day": day_stamp(_C.started_at),
    "outcome": _OUTCOME,
    "symbol": _C.symbol,
    "analysis": _ANALYSIS,
}


@dataclass(frozen=True)
class Group:
    """What one expert, model, provider, UTC day, outcome of attempts, symbol or analysis took."""

    key: str
    label: str
    spend: Spend


@dataclass(frozen=True)
class Grouped:
    """The groups of a period, the dearest first (days in their order), and their total; at most 1,000 groups."""

    group_by: GroupBy
    since: datetime | None
    until: datetime | None
    groups: tuple[Group, ...]
    total: Spend
    truncated: bool


@dataclass(frozen=True)
class DayBudget:
    """The whole desk's budget of a UTC day in USD; None is no limit. `spent` counts what is unknown at its most."""

    limit: Decimal | None
    spent: Decimal
    left: Decimal | None
    at_least: bool
    changed_by: str | None = None
    changed_at: datetime | None = None

    @property
    def sentence(self) -> str:
        """Say how the budget stands."""
        unsure = ", at the most that calls whose cost is not known may have taken" if self.at_least else ""
        spent = f"{usd(self.spent)} are spent today{unsure}"
        if self.limit is None:
            return f"There is no budget for the day; {spent}"
        return f"The budget for the day is {usd(self.limit)}; {spent}"


@dataclass(frozen=True)
class DearAnalysis:
    """One of the dearest analyses of a period; `exists` is False once it was deleted."""

    analysis_id: int
    symbol: str
    expert: str
    attempts: int
    spend: Spend
    exists: bool


@dataclass(frozen=True)
class Overview:
    """What a page of costs shows: sums to now, and a period by each thing it can be told apart by."""

    period: str
    since: datetime
    until: datetime
    today: Spend
    week: Spend
    month: Spend
    total: Spend
    budget: DayBudget
    experts: tuple[Group, ...]
    models: tuple[Group, ...]
    outcomes: tuple[Group, ...]
    days: Mapping[str, Mapping[str, Mapping[str, Spend]]]  # by "expert" or "model", then day, then key
    dearest: tuple[DearAnalysis, ...]

    @property
    def failed(self) -> Spend:
        """What attempts took that failed."""
        return next((group.spend for group in self.outcomes if group.key == Outcome.FAILED), Spend())


@dataclass(frozen=True)
class Call:
    """One model call; `outcome` is None while it is under way. Money in USD, None where it is not known.

    `tokens_in` includes `tokens_cached`, `tokens_out` includes `tokens_reasoning`.
    """

    id: int
    attempt: int
    step: str | None
    provider: str
    model: str
    started_at: datetime
    duration_ms: int | None
    outcome: CallOutcome | None
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int | None
    tokens_written: int | None
    tokens_reasoning: int | None
    reserved: Decimal | None
    cost: Decimal | None
    error_code: str | None
    error_message: str | None


_CALLS = Reader(Call, t.model_call)


class Costs:
    """Adds up what model calls took, and keeps the budget of the day."""

    def __init__(self, store: Store, settings: DeskSettings) -> None:
        self._store = store
        self._settings = settings
        self._today = DailyTotals()

    def by(self, group_by: str, since: datetime | None = None, until: datetime | None = None) -> Grouped:
        """Return what each group took from `since` until before `until`, UTC. Raises Invalid for what is no period."""
        if group_by not in _KEYS:
            raise Invalid(f"Costs cannot be told apart by {group_by[:40]!r}; choose {', '.join(GROUPS)}")
        since, until = _utc(since), _utc(until)
        if since and until and since >= until:
            raise Impossible(f"`since` ({since:%Y-%m-%d %H:%M}) must be before `until` ({until:%Y-%m-%d %H:%M})")
        key = _KEYS[group_by]
        with self._store.read() as session:
            order = key.asc() if group_by == "day" else _COST.desc()
            sums = _sums(key, since=since, until=until, of_attempts=group_by == "outcome").group_by(key)
            rows = session.execute(sums.order_by(order, key).limit(BOUND)).all()
            total = Spend(*session.execute(_sums(since=since, until=until)).one())
            label = _labels(session) if group_by == "expert" else _named
            groups = tuple(Group(str(row[0]), label(row[0]), Spend(*row[1:])) for row in rows)
        asked: Any = group_by
        return Grouped(asked, since, until, groups, total, sum(group.spend.calls for group in groups) < total.calls)

    def read(self, period: str) -> Overview:
        """Return everything of the last days, today included; raises Invalid for an unknown period."""
        if period not in PERIODS:
            raise Invalid(f"There is no period {period[:20]!r}; choose {', '.join(PERIODS)}")
        now = self._store.clock.now()
        today = utc_day(now)
        since = today - timedelta(days=PERIODS[period] - 1)
        with self._store.read() as session:
            alias = _labels(session)
            buckets = _buckets(session, since)
            sums = {
                days: Spend(*session.execute(_sums(since=today - timedelta(days=days - 1))).one())
                for days in (1, 7, 30)
            }
            return Overview(
                period=period,
                since=since,
                until=now,
                today=sums[1],
                week=sums[7],
                month=sums[30],
                total=sum((bucket.spend for bucket in buckets), Spend()),
                budget=self._budget(session, now),
                experts=_grouped(buckets, lambda bucket: bucket.expert, alias),
                models=_grouped(buckets, lambda bucket: bucket.model, str),
                outcomes=_grouped(buckets, lambda bucket: bucket.outcome, str),
                days={
                    "expert": _by_day(buckets, lambda bucket: alias(bucket.expert)),
                    "model": _by_day(buckets, lambda bucket: bucket.model),
                },
                dearest=_dearest(session, since, alias),
            )

    def budget(self) -> DayBudget:
        """Return how the whole desk's budget of today stands."""
        with self._store.read() as session:
            return self._budget(session, self._store.clock.now())

    def set_budget(self, limit: Decimal | None, *, by: Actor, reason: str | None = None) -> DayBudget:
        """Set the whole desk's budget of a day, None for no limit; raises Invalid for what is no amount."""
        self._settings.change(BUDGET_PER_DAY, stored_amount(limit), by=by, reason=reason)
        return self.budget()

    def calls(self, analysis_id: int) -> list[Call]:
        """Return the calls of an analysis, newest first, 1,000 at most; raises NotFound when nobody knows it."""
        chosen = _CALLS.select().where(_C.analysis_id == analysis_id).order_by(_C.id.desc()).limit(BOUND)
        with self._store.read() as session:
            calls = _CALLS.all(session, chosen)
            known = calls or session.scalar(select(t.analysis.c.id).where(t.analysis.c.id == analysis_id))
        if not known:
            raise NotFound("Analysis not found", analysis_id=analysis_id)
        return calls

    def _budget(self, session: Session, now: datetime) -> DayBudget:
        setting = self._settings.get(BUDGET_PER_DAY)
        limit = amount(setting.value)
        spent = list(self._today.read(session, utc_day(now)).values())
        counted = sum((one.counted for one in spent), Decimal(0))
        left = None if limit is None else max(Decimal(0), limit - counted)
        unsure = any(one.counted != one.known for one in spent)
        return DayBudget(limit, counted, left, unsure, setting.actor, setting.changed_at)


@dataclass(frozen=True)
class _Bucket:
    day: str
    expert: int
    model: str
    outcome: str
    spend: Spend


def _buckets(session: Session, since: datetime) -> list[_Bucket]:
    """Return a period added up along everything that its page asks for, in one pass."""
    keys = (_KEYS["day"], _EXPERT, _C.provider, _C.model, _OUTCOME)
    rows = session.execute(_sums(*keys, since=since, of_attempts=True).group_by(*keys))
    return [
        _Bucket(str(day), expert, f"{provider}:{model}", outcome, Spend(*sums))
        for day, expert, provider, model, outcome, *sums in rows
    ]


def _grouped(
    buckets: Iterable[_Bucket], key: Callable[[_Bucket], Any], label: Callable[[Any], str]
) -> tuple[Group, ...]:
    sums: dict[Any, Spend] = defaultdict(Spend)
    for bucket in buckets:
        sums[key(bucket)] += bucket.spend
    groups = [Group(str(one), label(one), spend) for one, spend in sums.items()]
    return tuple(sorted(groups, key=lambda group: (-group.spend.cost, -group.spend.tokens, group.label)))


def _by_day(buckets: Iterable[_Bucket], key: Callable[[_Bucket], str]) -> dict[str, dict[str, Spend]]:
    days: dict[str, dict[str, Spend]] = defaultdict(lambda: defaultdict(Spend))
    for bucket in buckets:
        days[bucket.day][key(bucket)] += bucket.spend
    return {day: dict(sums) for day, sums in days.items()}


def _dearest(session: Session, since: datetime, alias: Callable[[int], str]) -> tuple[DearAnalysis, ...]:
    keys = (_ANALYSIS, _EXPERT, _C.symbol)
    rows = session.execute(
        _sums(*keys, func.count(_C.attempt.distinct()), since=since)
        .where(_ANALYSIS > NO_ANALYSIS)
        .group_by(*keys)
        .order_by(_COST.desc(), _ANALYSIS.desc())
        .limit(DEAREST)
    ).all()
    ids = [row[0] for row in rows]
    there = set(session.scalars(select(t.analysis.c.id).where(t.analysis.c.id.in_(ids))))
    return tuple(
        DearAnalysis(analysis_id, symbol, alias(expert), attempts, Spend(*sums), analysis_id in there)
        for analysis_id, expert, symbol, attempts, *sums in rows
    )


def _sums(
    *keys: Any, since: datetime | None = None, until: datetime | None = None, of_attempts: bool = False
) -> Select[Any]:
    """Return the query for keys and what calls took from `since` until before `until`, with their attempts if asked."""
    statement = select(*keys, *SUMS)
    if of_attempts:
        of_call = (_T.analysis_id == _C.analysis_id) & (_T.number == _C.attempt)
        statement = statement.select_from(t.model_call).outerjoin(t.attempt, of_call)
    if since is not None:
        statement = statement.where(_C.started_at >= since)
    return statement if until is None else statement.where(_C.started_at < until)


def _labels(session: Session) -> Callable[[int], str]:
    names = {row.id: row.alias for row in session.execute(select(t.expert_instance.c.id, t.expert_instance.c.alias))}
    names |= {NO_ANALYSIS: TEST, UNSAVED: TRIAL}
    return lambda key: str(names.get(key, f"expert {key}"))


def _named(key: object) -> str:
    if isinstance(key, int) and key < NO_ANALYSIS:
        return f"{TRIAL} {-key}"
    return TEST if key in (NO_ANALYSIS, "") else str(key)


def _utc(instant: datetime | None) -> datetime | None:
    """Return an instant in UTC; one without a zone is meant so."""
    if instant is None:
        return None
    try:
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except OverflowError as error:
        raise Impossible(f"{instant.isoformat()} lies outside of the calendar") from error
