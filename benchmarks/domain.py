"""Benchmark workload: the desk, its trivial expert, and the proof that each job left exactly its rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel
from sqlalchemy import select

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.attempts.submissions import Submission, insert_pending
from ba2_trade_platform.core.base.actors import Actor, actor_id
from ba2_trade_platform.core.contracts.experts import AnalysisContext, Expert, ExpertCatalog, Requirement, Verdict
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import ActorKind, Signal

OUTPUTS = 3
TEXT = "**Measured.** A short note, as long as the ones that a desk writes about one symbol on an ordinary day."
BENCHMARK = Actor(ActorKind.SYSTEM, "system")


class NoSettings(BaseModel):
    """The expert of the benchmark has none."""


class Trivial:
    """Takes one step, writes three outputs and holds; whatever time a job takes is the queue's."""

    name = "Trivial"
    description = "Does as little as an expert can."
    settings_model: type[BaseModel] = NoSettings
    safe_to_repeat = True
    can_resume = False

    def requirements(self, settings: BaseModel) -> list[Requirement]:  # noqa: ARG002 - the protocol's signature
        """Return nothing."""
        return []

    def providers(self, settings: BaseModel) -> Sequence[str]:  # noqa: ARG002 - the protocol's signature
        """Return nobody."""
        return ()

    async def analyse(self, context: AnalysisContext) -> Verdict:
        """Do the one step."""
        context.expect(1)

        async def work() -> int:
            for number in range(OUTPUTS):
                context.output("note", f"Note {number}", TEXT)
            return OUTPUTS

        noted: int = await context.step("Look", work)
        assert noted == OUTPUTS
        return Verdict(action=Signal.HOLD, confidence=50, details="Measured")


class One(ExpertCatalog):
    """A catalog of one expert."""

    def __init__(self, expert: Expert) -> None:
        self._expert = expert

    def names(self) -> list[str]:
        """Return its name."""
        return [self._expert.name]

    def get(self, name: str) -> Expert:
        """Return it, or raise KeyError."""
        return {self._expert.name: self._expert}[name]


def desk(folder: Path, slots: int, expert: Expert | None = None) -> tuple[Platform, int]:
    """Return an owned console whose database survives power cuts, and the id of its one expert instance."""
    settings = Settings(
        _env_file=None, data_dir=folder, demo=False, workers=slots, sqlite_synchronous="FULL", operator="benchmark"
    )
    chosen = expert or Trivial()
    platform = build(settings, One(chosen))
    platform.own()
    instance = platform.experts.create(chosen.name, "Benchmark", {}, by=BENCHMARK, max_concurrent=slots)
    return platform, instance.id


def queue_up(platform: Platform, instance_id: int, jobs: int, prefix: str = "S") -> list[int]:
    """Insert `jobs` pending analyses in one transaction and return their ids."""
    now = platform.store.clock.now()
    with platform.store.write() as transaction:
        session = transaction.session
        who, config_id = actor_id(session, BENCHMARK), session.scalar(select(t.expert_config.c.id))
        submissions = [Submission(instance_id, f"{prefix}{number:05d}") for number in range(jobs)]
        return [insert_pending(session, submission, config_id, who, now).analysis_id for submission in submissions]


def check(database: Path, jobs: int) -> None:
    """Raise AssertionError unless every job left exactly its rows, whoever did the work."""
    connection = sqlite3.connect(database)
    found = connection.execute(
        "SELECT (SELECT COUNT(*) FROM market_analysis WHERE status = 'completed'),"
        " (SELECT COUNT(*) FROM analysis_step WHERE status = 'completed'), (SELECT COUNT(*) FROM analysis_output),"
        " (SELECT COUNT(*) FROM expert_recommendation WHERE is_current),"
        " (SELECT COUNT(*) FROM analysis_attempt WHERE outcome = 'completed')"
    ).fetchone()
    connection.close()
    assert found == (jobs, jobs, OUTPUTS * jobs, jobs, jobs), f"{jobs} jobs left {found}"
