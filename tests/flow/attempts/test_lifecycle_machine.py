"""The lifecycle as a state machine: no order of events makes a step that its table does not know."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ba2_trade_platform.core.attempts.lifecycle import ACTIVE, TRANSITIONS, Event, allows
from ba2_trade_platform.core.base.errors import NotFound, Refused
from ba2_trade_platform.core.contracts.queue import Claim
from ba2_trade_platform.core.worker.buffers import End, StepRecord
from ba2_trade_platform.vocabulary import Outcome, Status, StepStatus
from tests.fakes.experts import Catalog, Scripted, hold
from tests.platforms import TRADER
from tests.stepped import SteppedWorker, make_desk, worked

EXAMPLES = int(os.environ.get("BA2_TEST_EXAMPLES", "0"))  # 0: the same hundred every time
STEPS = {(before.value, after.value) for (before, _), after in TRANSITIONS.items()}
# Two transitions between two looks: a tick that gives a dead worker's job back may claim it again in the same breath.
AT_ONCE = {(before, after) for before, between in STEPS for start, after in STEPS if between == start}
MAX_RESCUES = 2
SYMBOLS = ["AAPL", "MSFT"]
DAYS = [None, datetime(2014, 6, 2, 20, tzinfo=UTC), datetime(2014, 8, 1, 20, tzinfo=UTC)]
FAILED = "SELECT id FROM market_analysis WHERE status = 'failed' ORDER BY id"
BUTTONS = [Event.RERUN, Event.WITHDRAW, Event.CANCEL, Event.DELETE, Event.RUN_AGAIN]
pick = st.integers(0, 10_000)
seen: Counter[str] = Counter()


class Lifecycle(RuleBasedStateMachine):
    """Two workers and a trader at one desk; the trader clicks anything, a worker may stop renewing its leases."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="lifecycle-"))
        experts = Catalog(Scripted(), Scripted("Once", safe_to_repeat=False))
        self.desk = make_desk(self.folder, experts, slots=3, max_rescues=MAX_RESCUES)
        self.workers = [self.desk.worker(name) for name in ("one", "two")]
        self.database = sqlite3.connect(self.desk.file)
        self.stale: list[Claim] = []
        self.before: dict[int, tuple[str, int]] = {}
        self.deleted: set[int] = set()
        self.highest = 0

    @initialize(symbols=st.lists(st.sampled_from(SYMBOLS), min_size=1, max_size=4))
    def a_morning(self, symbols: list[str]) -> None:
        """Two experts, one of which is not safe to repeat; some analyses, and a worker that has begun with them."""
        self.instances = [
            self.desk.expert("Scripted", max_concurrent=2, max_reruns=100),
            self.desk.expert("Once", max_concurrent=1, max_reruns=100),
        ]
        for number, symbol in enumerate(symbols):
            self.desk.submit(self.instances[number % 2], symbol)
        self.workers[0].tick()

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look into the file as another program would."""
        return self.database.execute(statement, values).fetchall()

    def teardown(self) -> None:
        self.database.close()
        self.desk.close()
        shutil.rmtree(self.folder)

    def ids(self) -> list[int]:
        """Return every analysis there is."""
        return [analysis_id for (analysis_id,) in self.ask("SELECT id FROM market_analysis ORDER BY id")]

    def some(self, number: int) -> int:
        """Return one of the analyses, or an id that never was."""
        ids = self.ids()
        return ids[number % len(ids)] if ids else 999

    def status(self, analysis_id: int) -> Status | None:
        """Return where an analysis stands, None when there is none."""
        found = self.ask("SELECT status FROM market_analysis WHERE id = ?", analysis_id)
        return Status(found[0][0]) if found else None

    @rule(
        instance=pick, symbol=st.sampled_from(SYMBOLS), priority=st.sampled_from([0, 60]), as_of=st.sampled_from(DAYS)
    )
    def submit(self, instance: int, symbol: str, priority: int, as_of: datetime | None) -> None:
        """A duplicate answers with the one under way, and makes nothing."""
        before = set(self.ids())
        answer = self.desk.queue.submit_analysis_task(
            self.instances[instance % 2], symbol, by=TRADER, priority=priority, as_of=as_of
        )
        assert answer.is_duplicate is (answer.analysis_id in before)
        assert self.status(answer.analysis_id) in ACTIVE

    @rule(worker=pick, seconds=st.sampled_from([0, 1, 12, 31]), renew=st.booleans())
    def tick(self, worker: int, seconds: float, renew: bool) -> None:
        """Time goes on and a worker ticks; what another one stopped renewing is rescued."""
        self.desk.clock.advance(seconds)
        self.stale += self.workers[worker % 2].tick(renew=renew).lost

    @rule(worker=pick)
    def boot(self, worker: int) -> None:
        """A worker dies and another takes its place: everything that runs is given back."""
        self.stale += self.workers[worker % 2].leased.values()
        self.workers[worker % 2].leased = {}
        self.stale += self.workers[worker % 2].tick(boot=True).lost

    @property
    def claims(self) -> list[tuple[SteppedWorker, Claim]]:
        """Every job that a worker believes to hold."""
        return [(worker, claim) for worker in self.workers for claim in worker.leased.values()]

    @precondition(lambda self: self.claims)
    @rule(number=pick, finished=st.booleans())
    def work(self, number: int, finished: bool) -> None:
        """A job gets on: a step, an output and what it would recommend so far."""
        worker, claim = self.claims[number % len(self.claims)]
        now = self.desk.clock.now()
        write_batch = worked(claim, now)
        write_batch.provisional = hold(99)
        if not finished:
            write_batch.steps[2] = StepRecord(2, "Think", StepStatus.RUNNING, "hash", now)
        self.stale += worker.tick(write_batch).lost

    @precondition(lambda self: self.claims)
    @rule(number=pick, outcome=st.sampled_from(["succeed", "fail", "skip"]), confidence=st.integers(1, 100))
    def end(self, number: int, outcome: str, confidence: int) -> None:
        """A job ends; when its lease was taken over meanwhile it counts as stale."""
        worker, claim = self.claims[number % len(self.claims)]
        mine = self.holds(claim)
        options = {"confidence": confidence} if outcome == "succeed" else {}
        ticked = getattr(worker, outcome)(claim, **options)
        self.stale += ticked.lost
        assert ticked.stale == (0 if mine else 1)
        seen[f"{outcome}{'' if mine else ' too late'}"] += 1

    def holds(self, claim: Claim) -> bool:
        """Tell whether this claim's lease is still the one on the row."""
        held = self.ask(
            "SELECT lease_token FROM market_analysis WHERE status = 'running' AND id = ?", claim.analysis_id
        )
        return held == [(claim.token,)]

    @precondition(lambda self: self.stale)
    @rule(number=pick)
    def late(self, number: int) -> None:
        """A worker that lost its lease writes all the same."""
        claim = self.stale.pop(number % len(self.stale))
        end = End(Outcome.COMPLETED, self.desk.clock.now(), hold(99))
        ticked = self.workers[0].tick(worked(claim, self.desk.clock.now(), end))
        self.stale += ticked.lost
        assert ticked.stale == 1
        seen["late"] += 1

    @precondition(lambda self: self.ask(FAILED))
    @rule(number=pick)
    def rerun(self, number: int) -> None:
        """The orange button of a failed row."""
        failed = self.ask(FAILED)
        self.press(failed[number % len(failed)][0], Event.RERUN)

    @rule(number=pick, event=st.sampled_from(BUTTONS))
    def click(self, number: int, event: Event) -> None:
        """Any button of any row."""
        self.press(self.some(number), event)

    def press(self, analysis_id: int, event: Event) -> None:
        """A verb is done exactly when the table allows it, and refused with a sentence otherwise."""
        status, verbs = self.status(analysis_id), self.desk.analyses
        verb = {
            Event.RERUN: verbs.rerun, Event.CANCEL: verbs.cancel, Event.DELETE: verbs.delete,
            Event.RUN_AGAIN: verbs.run_again, Event.WITHDRAW: verbs.withdraw,
        }[event]  # fmt: skip
        try:
            verb(analysis_id, by=TRADER)
        except NotFound:
            assert status is None
        except Refused as refusal:
            if status is None or (allows(status, event) and refusal.code != "DUPLICATE_PENDING"):
                raise
            seen[refusal.code] += 1
        else:
            assert status is not None
            assert allows(status, event, unclaimed_rerun=True)
            seen[event.value] += 1
            if event is Event.DELETE:
                self.deleted.add(analysis_id)

    @rule(worker=pick)
    def release(self, worker: int) -> None:
        """A console stops cleanly."""
        self.workers[worker % 2].tick(releasing=True)

    @rule()
    def pause(self) -> None:
        """The queue is paused."""
        self.desk.queue.pause(by=TRADER)

    @precondition(lambda self: self.desk.queue.state().paused)
    @rule(worker=pick)
    def resume(self, worker: int) -> None:
        """The queue goes on, and a worker takes what waits."""
        self.desk.queue.resume(by=TRADER)
        self.stale += self.workers[worker % 2].tick().lost

    @invariant()
    def every_change_is_in_the_table(self) -> None:
        now = {row[0]: (row[1], row[2]) for row in self.ask("SELECT id, status, attempt FROM market_analysis")}
        for analysis_id, (before, attempt) in self.before.items():
            status, number = now.get(analysis_id, (None, attempt))
            assert (status is None) is (analysis_id in self.deleted)
            if status is not None and (status, number) != (before, attempt):
                assert (before, status) in STEPS | AT_ONCE
                assert number >= attempt or (before, status) == ("pending", "failed")  # withdrawn
        self.before = now
        assert not self.deleted & now.keys()
        assert all(analysis_id > self.highest for analysis_id in now.keys() - set(range(self.highest + 1)))
        self.highest = max([self.highest, *now])

    @invariant()
    def one_of_a_kind_is_under_way(self) -> None:
        assert not self.ask(
            "SELECT 1 FROM market_analysis WHERE status IN ('pending', 'running') "
            "GROUP BY dedupe_key HAVING COUNT(*) > 1"
        )

    @invariant()
    def attempts_are_contiguous_and_only_an_active_row_has_one_open(self) -> None:
        rows = self.ask(
            "SELECT a.status, a.attempt, COUNT(*), MIN(t.number), MAX(t.number), "
            "MAX(CASE WHEN t.outcome IS NOT 'withdrawn' THEN t.number END), SUM(t.outcome IS NULL), "
            "SUM(t.outcome IS NULL AND t.number = a.attempt), SUM((t.outcome IS NULL) <> (t.finished_at IS NULL)) "
            "FROM market_analysis a JOIN analysis_attempt t ON t.analysis_id = a.id GROUP BY a.id",
        )
        assert len(rows) == len(self.ids())
        for status, attempt, count, first, last, present, unfinished, current, odd in rows:
            assert (first, last, present, odd) == (1, count, attempt, 0)
            assert unfinished == current == (1 if status in ("pending", "running") else 0)

    @invariant()
    def live_rows_belong_to_the_newest_attempt(self) -> None:
        for table, column in (
            ("analysis_output", "market_analysis_id"), ("analysis_step", "analysis_id"),
            ("expert_recommendation", "market_analysis_id"),
        ):  # fmt: skip
            old = f"SELECT 1 FROM {table} o JOIN market_analysis a ON a.id = o.{column} WHERE o.attempt <> a.attempt"
            orphan = f"SELECT 1 FROM {table} WHERE {column} NOT IN (SELECT id FROM market_analysis)"
            assert not self.ask(old)
            assert not self.ask(orphan)
        assert not self.ask(
            "SELECT 1 FROM analysis_step s JOIN market_analysis a ON a.id = s.analysis_id "
            "WHERE s.status = 'running' AND a.status NOT IN ('running', 'completed')",
        )

    @invariant()
    def the_current_recommendation_is_the_newest_completed_one(self) -> None:
        subjects: dict[tuple[object, ...], list[tuple[object, ...]]] = {}
        for *subject, status, as_of, analysis_id, current in self.ask(
            "SELECT r.expert_instance_id, r.symbol, r.subtype, a.status, r.effective_as_of, a.id, r.is_current "
            "FROM expert_recommendation r JOIN market_analysis a ON a.id = r.market_analysis_id",
        ):
            subjects.setdefault(tuple(subject), []).append((status, as_of, analysis_id, current))
        for known in subjects.values():
            completed = [(as_of, analysis_id) for status, as_of, analysis_id, _ in known if status == "completed"]
            current = [(as_of, analysis_id) for _, as_of, analysis_id, is_current in known if is_current]
            assert current == ([max(completed)] if completed else [])  # type: ignore[type-var]  # texts and numbers

    @invariant()
    def counters_and_leases_fit_the_status(self) -> None:
        for status, attempt, reruns, rescues, token, started, finished, code in self.ask(
            "SELECT status, attempt, reruns_used, rescues_used, lease_token, started_at, finished_at, error_code "
            "FROM market_analysis",
        ):
            assert attempt >= 1 + reruns
            assert rescues <= MAX_RESCUES
            assert (token is not None) is (status == "running")
            assert (finished is not None) is (status not in ("pending", "running"))
            assert status != "running" or started is not None
            assert (code is not None) is (status in ("failed", "skipped"))


def test_no_order_of_events_makes_a_step_that_the_table_does_not_know() -> None:
    seen.clear()
    run_state_machine_as_test(
        Lifecycle,
        settings=settings(
            max_examples=EXAMPLES or 100,
            derandomize=not EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    # A machine that never gets anywhere finds nothing: it must have come through each of these.
    assert {"succeed", "fail", "skip", "late", "re-run", "cancel", "delete", "run again", "NOT_FAILED"} <= seen.keys()
