"""Demo desk: loads experts, a watchlist and a batch with failures for practice, and removes them again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, func, select

from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.core.analyses.service import Analyses
from ba2_trade_platform.core.base.access import needs
from ba2_trade_platform.core.base.actors import SYSTEM, Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.errors import Invalid, NotFound, Refused
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.experts.instances import ExpertInstances
from ba2_trade_platform.core.instruments.watchlists import Watchlists
from ba2_trade_platform.core.schedules.drafts import Draft
from ba2_trade_platform.core.schedules.service import Schedules
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ScheduleClock, Source

log = logging.getLogger(__name__)

WATCHLIST = "Demo stocks"
SCHEDULE = "Opening bell"
SCHEDULED_EXPERT = "Technical rules"
SCHEDULED = ("AAPL", "INTC", "MSFT")
AFTER_OPEN = {"kind": "session", "days": [0, 1, 2, 3, 4], "offsets": [{"anchor": "open", "minutes": 15}]}
SLICE = 100


@dataclass(frozen=True)
class _Demo:
    alias: str
    expert: str
    settings: Mapping[str, Any]
    symbols: tuple[str, ...]
    timeout_seconds: float = 600
    max_retries: int = 2


def _practice(fail_with: str | None, fail_times: int, **more: Any) -> dict[str, Any]:
    return {"fail_with": fail_with, "fail_times": fail_times, "seconds": 4, "steps": 4, "outputs": 15, **more}


def _debate(deep_model: str, **more: Any) -> dict[str, Any]:
    # Half a second a call, so that a newcomer can watch the debate.
    return {"providers": ["scripted"], "quick_model": "scripted:rules?seconds=0.5", "deep_model": deep_model, **more}


DESK = (
    _Demo("Debate desk", "DebateDesk", _debate("scripted:rules?seconds=0.5"), ("AAPL", "AMD")),
    # Stands failed at its trader, everything before it done: Resume asks for what is missing, and the trader answers.
    _Demo(
        "Debate cut off",
        "DebateDesk",
        _debate("scripted:rules?seconds=0.5&fail=PROVIDER_DOWN&role=trader", call_retries=0),
        ("COST",),
        max_retries=0,
    ),
    _Demo("Technical rules", "TechnicalRules", {}, ()),
    _Demo(
        "Busy provider",
        "PracticeDesk",
        _practice("RATE_LIMIT", 3, recommend_before_failing=True, providers=["busy provider"]),
        ("AAPL", "MSFT"),
    ),
    _Demo("Expired key", "PracticeDesk", _practice("AUTH", -1, seconds=2), ("INTC",)),
    _Demo("Garbled answers", "PracticeDesk", _practice("OUTPUT_INVALID", 1), ("COST",)),
    _Demo("Slow desk", "PracticeDesk", _practice(None, 0, seconds=25, steps=10), ("GPS", "MMM")),
    _Demo("Faulty expert", "PracticeDesk", _practice("BUG", 1, seconds=3), ("AMD",)),
)


@dataclass(frozen=True)
class DemoState:
    """Whether demo data is present, and how much."""

    present: bool
    analyses: int


class DemoDesk:
    """Loads and removes the demo desk."""

    def __init__(
        self,
        store: Store,
        experts: ExpertInstances,
        queue: WorkerQueue,
        analyses: Analyses,
        watchlists: Watchlists,
        prices: Prices,
        schedules: Schedules,
    ) -> None:
        self._store = store
        self.check_permission = store.check_permission
        self._experts = experts
        self._queue = queue
        self._analyses = analyses
        self._watchlists = watchlists
        self._prices = prices
        self._schedules = schedules

    def state(self) -> DemoState:
        """Tell whether the demo desk is loaded."""
        with self._store.read() as session:
            live = t.expert_instance.c.is_demo & t.expert_instance.c.archived_at.is_(None)
            present = session.scalar(select(func.count()).select_from(t.expert_instance).where(live)) or 0
            some = select(t.analysis.c.id).where(t.analysis.c.expert_instance_id.in_(_instances())).limit(10_001)
            count = session.scalar(select(func.count()).select_from(some.subquery())) or 0
        return DemoState(bool(present or count), count)  # an interrupted removal can be gone on with

    def seed_if_empty(self) -> bool:
        """Load the demo desk into a database that never had an expert; return whether it did."""
        with self._store.read() as session:
            used = session.scalar(select(t.expert_instance.c.id).limit(1))
        if used is not None:
            return False
        self._seed(SYSTEM)
        return True

    @needs(Action.CREATE, Subject.DEMO_DESK)
    def seed(self, *, by: Actor) -> int:
        """Load the demo desk and queue its first analyses; return how many. Raises Refused when it is there."""
        queued = self._seed(by)
        self.add_schedule(by=by)
        return queued

    def _seed(self, by: Actor) -> int:
        if self.state().present:
            raise Refused("The demo desk is already loaded", code="DEMO_PRESENT")
        instruments = list(self._prices.instruments())
        symbols = [info.symbol for info in instruments]
        self._watchlists.add(WATCHLIST, instruments, is_demo=True)
        few = [info for info in instruments if info.symbol in SCHEDULED] or instruments[:3]
        self._watchlists.add(SCHEDULE, few, is_demo=True)
        shipped = {expert.name for expert in self._experts.experts()}
        desk = [demo for demo in DESK if demo.expert in shipped]
        queued = 0
        for demo in desk:
            instance = self._experts.create(
                demo.expert,
                demo.alias,
                demo.settings,
                by=by,
                is_demo=True,
                timeout_seconds=demo.timeout_seconds,
                max_retries=demo.max_retries,
            )
            chosen = [symbol for symbol in demo.symbols if symbol in symbols] or symbols
            batch = self._queue.submit_batch([instance.id], chosen, by=by, source=Source.DEMO, name=demo.alias)
            queued += len(batch.items)
        log.info("Demo desk loaded: %s experts, %s analyses", len(desk), queued)
        return queued

    def add_schedule(self, *, by: Actor = SYSTEM) -> None:
        """Have a few symbols analysed after each open of the replay, once; it never fires while the replay stands.

        Apart from the first seed, for it needs the exchange's calendar, which takes a second that no start should.
        """
        experts, watchlists = t.expert_instance.c, t.watchlist.c
        with self._store.read() as session:
            alive = (experts.is_demo, experts.archived_at.is_(None), experts.alias == SCHEDULED_EXPERT)
            expert_id = session.scalar(select(experts.id).where(*alive))
            watchlist_id = session.scalar(select(watchlists.id).where(watchlists.is_demo, watchlists.name == SCHEDULE))
            had = session.scalar(select(t.schedule.c.id).where(t.schedule.c.is_demo).limit(1))
        if expert_id is None or watchlist_id is None or had is not None:
            return
        draft = Draft(
            name=SCHEDULE,
            expert_instance_id=expert_id,
            timing=AFTER_OPEN,
            zone="America/New_York",
            calendar="XNYS",
            watchlist_ids=(watchlist_id,),
            clock=ScheduleClock.REPLAY,
            is_demo=True,
        )
        with suppress(Invalid):  # the demo was removed meanwhile
            self._schedules.create(draft, by=by)

    @needs(Action.REMOVE, Subject.DEMO_DESK)
    def remove(self, *, by: Actor) -> int:
        """Delete all that the demo has brought and archive its experts; return how many analyses there were.

        What runs is cancelled first. Works in slices, so that nothing else waits; called again it goes on.
        """
        with self._store.read() as session:
            instances = list(session.scalars(_instances().where(t.expert_instance.c.archived_at.is_(None))))
        for instance_id in instances:
            self._experts.archive(instance_id, by=by)
        removed = 0
        while ids := self._some_analyses():
            for analysis_id in ids:
                with suppress(NotFound):  # somebody else was quicker
                    self._analyses.delete(analysis_id, by=by, reason="demo removed")
                    removed += 1
        with self._store.command(by, Action.REMOVE, Subject.DEMO_DESK) as command:
            session = command.session
            demo = select(t.schedule.c.id).where(t.schedule.c.is_demo)
            session.execute(delete(t.schedule_run).where(t.schedule_run.c.schedule_id.in_(demo)))
            session.execute(delete(t.schedule).where(t.schedule.c.is_demo))
            session.execute(delete(t.watchlist).where(t.watchlist.c.is_demo))
            listed = select(t.watchlist_item.c.instrument_id)
            session.execute(delete(t.instrument).where(t.instrument.c.is_demo, t.instrument.c.id.not_in(listed)))
            batches = select(t.batch_item.c.batch_id).where(t.batch_item.c.expert_instance_id.in_(_instances()))
            left = exists().where(t.analysis.c.batch_id == t.batch.c.id)
            session.execute(delete(t.batch).where(~left, t.batch.c.id.in_(batches), ~_others()))
            command.record(after=f"{removed} analyses")
            command.touch(Topic.EXPERTS, Topic.SCHEDULES, Topic.WATCHLISTS, Topic.INSTRUMENTS, Topic.BATCHES)
        log.info("%s removed the demo desk: %s analyses", by, removed)
        return removed

    def _some_analyses(self) -> list[int]:
        with self._store.read() as session:
            chosen = select(t.analysis.c.id).where(t.analysis.c.expert_instance_id.in_(_instances())).limit(SLICE)
            return list(session.scalars(chosen))


def _instances() -> Any:
    return select(t.expert_instance.c.id).where(t.expert_instance.c.is_demo)


def _others() -> Any:
    """Whether a batch also holds items of experts that stay: a bulk re-run may have mixed them."""
    item = t.batch_item.alias()
    return exists().where(item.c.batch_id == t.batch.c.id, item.c.expert_instance_id.not_in(_instances()))
