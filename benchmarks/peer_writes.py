"""Peer writes: the domain's rows as a peer's task writes them, so that all engines do equal work."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.engine import WRITES, open_engine
from ba2_trade_platform.vocabulary import Outcome, RiskLevel, Signal, Status, StepStatus, TimeHorizon
from benchmarks.domain import OUTPUTS, TEXT

AS_OF = datetime(2014, 12, 31, 21, tzinfo=UTC)
_ID: Any = bindparam("b_id")
_NOW: Any = bindparam("b_now")


class Writer(Protocol):
    """Writes one job's rows; safe to use from several threads at once."""

    def begin(self, analysis_id: int) -> None:
        """Show the analysis as running, in a transaction of its own."""

    def finish(self, analysis_id: int) -> None:
        """Write step, outputs, recommendation, attempt and status in one transaction."""


def writer(kind: str, database: Path) -> Writer:
    """Return the writer of this kind: `core`, by SQLAlchemy as the console writes, or `plain`, by hand in sqlite3."""
    return CoreWriter(database) if kind == "core" else PlainWriter(database)


class CoreWriter:
    """Writes with SQLAlchemy Core on the console's own tables, through the console's own engine."""

    _RUNNING = (
        update(t.analysis)
        .where(t.analysis.c.id == _ID, t.analysis.c.status == Status.PENDING)
        .values(status=Status.RUNNING, started_at=_NOW, updated_at=_NOW, version=t.analysis.c.version + 1)
    )
    _STARTED = update(t.attempt).where(t.attempt.c.analysis_id == _ID, t.attempt.c.number == 1).values(started_at=_NOW)
    _SUBJECT = select(t.analysis.c.expert_instance_id, t.analysis.c.symbol, t.analysis.c.subtype).where(
        t.analysis.c.id == _ID
    )
    _STEP = insert(t.step).returning(t.step.c.id)
    _SUPERSEDE = (
        update(t.recommendation)
        .where(
            t.recommendation.c.expert_instance_id == bindparam("b_instance"),
            t.recommendation.c.symbol == bindparam("b_symbol"),
            t.recommendation.c.subtype == bindparam("b_subtype"),
            t.recommendation.c.is_current,
        )
        .values(is_current=False)
    )
    _ENDED = (
        update(t.attempt)
        .where(t.attempt.c.analysis_id == _ID, t.attempt.c.number == 1)
        .values(outcome=Outcome.COMPLETED, finished_at=_NOW)
    )
    _COMPLETED = (
        update(t.analysis)
        .where(t.analysis.c.id == _ID)
        .values(
            status=Status.COMPLETED,
            finished_at=_NOW,
            updated_at=_NOW,
            progress=100,
            result_action=Signal.HOLD,
            result_confidence=50,
            result_expected_profit=0,
            version=t.analysis.c.version + 1,
        )
    )

    def __init__(self, database: Path) -> None:
        self._engine = open_engine(f"sqlite:///{database}", "FULL", busy_timeout_ms=60_000).execution_options(**WRITES)

    def begin(self, analysis_id: int) -> None:
        """Show the analysis as running, in a transaction of its own."""
        who = {"b_id": analysis_id, "b_now": datetime.now(UTC)}
        with Session(self._engine) as session, session.begin():
            session.execute(self._RUNNING, who)
            session.execute(self._STARTED, who)

    def finish(self, analysis_id: int) -> None:
        """Write step, outputs, recommendation, attempt and status in one transaction."""
        now = datetime.now(UTC)
        who = {"b_id": analysis_id, "b_now": now}
        with Session(self._engine) as session, session.begin():
            instance, symbol, subtype = session.execute(self._SUBJECT, who).one()
            step = {
                "analysis_id": analysis_id, "attempt": 1, "position": 1, "name": "Look", "started_at": now,
                "status": StepStatus.COMPLETED, "finished_at": now, "currency": "USD",
            }  # fmt: skip
            step_id = session.scalar(self._STEP, step)
            session.execute(insert(t.step_result), {"step_id": step_id, "result": OUTPUTS})
            output = {"market_analysis_id": analysis_id, "attempt": 1, "step_id": step_id, "type": "note", "text": TEXT}
            outputs = [{**output, "name": f"Note {number}", "created_at": now} for number in range(OUTPUTS)]
            session.execute(insert(t.output), outputs)
            about = {"b_instance": instance, "b_symbol": symbol, "b_subtype": subtype}
            session.execute(self._SUPERSEDE, about)
            recommendation = {
                "market_analysis_id": analysis_id, "attempt": 1, "expert_instance_id": instance, "symbol": symbol,
                "subtype": subtype, "recommended_action": Signal.HOLD, "confidence": 50, "currency": "USD",
                "expected_profit_percent": 0, "risk_level": RiskLevel.MEDIUM, "time_horizon": TimeHorizon.MEDIUM,
                "details": "Measured", "effective_as_of": AS_OF, "is_current": True, "created_at": now,
            }  # fmt: skip
            session.execute(insert(t.recommendation), recommendation)
            session.execute(self._ENDED, who)
            session.execute(self._COMPLETED, who)


class PlainWriter:
    """Writes with sqlite3 and SQL by hand, a connection for each thread, with the console's pragmas."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._mine = threading.local()

    @property
    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._mine, "connection"):
            connection = sqlite3.connect(self._database, isolation_level=None, timeout=60)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -32000"):
                connection.execute(f"PRAGMA {pragma}")
            self._mine.connection = connection
        known: sqlite3.Connection = self._mine.connection
        return known

    def begin(self, analysis_id: int) -> None:
        """Show the analysis as running, in a transaction of its own."""
        run, now = self._connection.execute, _now()
        run("BEGIN IMMEDIATE")
        run(
            "UPDATE market_analysis SET status = 'running', started_at = ?, updated_at = ?, version = version + 1"
            " WHERE id = ? AND status = 'pending'",
            (now, now, analysis_id),
        )
        run("UPDATE analysis_attempt SET started_at = ? WHERE analysis_id = ? AND number = 1", (now, analysis_id))
        run("COMMIT")

    def finish(self, analysis_id: int) -> None:
        """Write step, outputs, recommendation, attempt and status in one transaction."""
        connection, now = self._connection, _now()
        run = connection.execute
        run("BEGIN IMMEDIATE")
        instance, symbol, subtype = run(
            "SELECT expert_instance_id, symbol, subtype FROM market_analysis WHERE id = ?", (analysis_id,)
        ).fetchone()
        step = run(
            "INSERT INTO analysis_step"
            " (analysis_id, attempt, position, name, status, started_at, finished_at, currency)"
            " VALUES (?, 1, 1, 'Look', 'completed', ?, ?, 'USD')",
            (analysis_id, now, now),
        ).lastrowid
        run("INSERT INTO analysis_step_result (step_id, result) VALUES (?, '3')", (step,))
        connection.executemany(
            "INSERT INTO analysis_output (market_analysis_id, attempt, step_id, type, name, text, created_at)"
            " VALUES (?, 1, ?, 'note', ?, ?, ?)",
            [(analysis_id, step, f"Note {number}", TEXT, now) for number in range(OUTPUTS)],
        )
        run(
            "UPDATE expert_recommendation SET is_current = 0"
            " WHERE expert_instance_id = ? AND symbol = ? AND subtype = ? AND is_current",
            (instance, symbol, subtype),
        )
        run(
            "INSERT INTO expert_recommendation (market_analysis_id, attempt, expert_instance_id, symbol, subtype,"
            " recommended_action, confidence, expected_profit_percent, currency, risk_level, time_horizon, details,"
            " effective_as_of, is_current, created_at)"
            " VALUES (?, 1, ?, ?, ?, 'HOLD', 50, 0, 'USD', 'medium', 'medium_term', 'Measured', ?, 1, ?)",
            (analysis_id, instance, symbol, subtype, _text(AS_OF), now),
        )
        run(
            "UPDATE analysis_attempt SET outcome = 'completed', finished_at = ? WHERE analysis_id = ? AND number = 1",
            (now, analysis_id),
        )
        run(
            "UPDATE market_analysis SET status = 'completed', finished_at = ?, updated_at = ?, progress = 100,"
            " result_action = 'HOLD', result_confidence = 50, result_expected_profit = 0, version = version + 1"
            " WHERE id = ?",
            (now, now, analysis_id),
        )
        run("COMMIT")


def _now() -> str:
    return _text(datetime.now(UTC))


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M:%S.%f")
