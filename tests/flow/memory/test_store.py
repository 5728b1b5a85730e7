"""The memory's store may be lost, spoilt, held by others or killed: analyses go on, and it heals from the database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from ba2_trade_platform.core.base.errors import Refused
from ba2_trade_platform.memory.embedders import HashingEmbedder
from ba2_trade_platform.memory.store import Scope, VectorStore
from tests.memories import JUNE, Rememberer, remembering
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER, wait_until

LATER = JUNE + timedelta(days=60)
SITUATION = "The trend is up and the RSI is high"


def learnt(desk: Rememberer, *symbols: str) -> int:
    """Have lessons learnt and put into the store; return the expert's instance."""
    instance = desk.instance()
    desk.decide(instance, *symbols)
    desk.platform.memory.learn()
    desk.filled()
    return instance


def spoil(folder: Path) -> None:
    """Overwrite every file of a store, its index and its database."""
    for file in folder.rglob("*"):
        if file.is_file():
            file.write_bytes(b"\x00garbage" * 40)


def test_lessons_are_recalled_after_a_restart(tmp_path: Path) -> None:
    with remembering(tmp_path) as desk:
        learnt(desk, "AAPL", "MSFT")
    with remembering(tmp_path) as desk:
        (instance,) = (one.id for one in desk.platform.experts.list())
        recalled = desk.recalled(instance, LATER)
        assert {lesson.symbol for lesson in recalled.lessons} == {"AAPL", "MSFT"}
        assert recalled.warning is None


def test_what_was_learnt_is_recalled_at_once(tmp_path: Path) -> None:
    with remembering(tmp_path) as desk:
        instance = desk.instance()
        desk.decide(instance, "AAPL")
        desk.platform.memory.learn()
        recalled = desk.recalled(instance, LATER)
        assert (len(recalled.lessons), recalled.warning) == (1, None)


def test_a_spoilt_store_warns_the_analysis_goes_on_and_a_rebuild_heals_it(tmp_path: Path) -> None:
    with remembering(tmp_path) as desk:
        instance = learnt(desk, "AAPL", "MSFT")
    spoil(tmp_path / "memory")
    with remembering(tmp_path) as desk:
        platform = desk.platform
        (analysis_id,) = desk.decide(instance, "INTC", as_of=LATER)
        assert platform.monitoring.details.row(analysis_id).status == "completed"
        warning = desk.learner.recalled[analysis_id].warning
        assert warning is not None
        assert warning.startswith("Decided without memory: The memory store failed")
        assert platform.monitoring.details.attempts(analysis_id)[0].warnings == [warning]
        assert "Rebuild makes the store anew" in platform.memory.status().sentence
        platform.memory.rebuild(by=TRADER)
        with pytest.raises(Refused, match="The memory is being rebuilt"):
            platform.memory.rebuild(by=TRADER)
        desk.filled()
        assert platform.memory.status().problem is None
        assert len(desk.recalled(instance, LATER, "CERN").lessons) == 2
        (aside,) = tmp_path.glob("memory-aside-*")
        assert (aside / "chroma.sqlite3").read_bytes().startswith(b"\x00garbage")


def test_a_store_that_another_program_holds_is_left_alone(tmp_path: Path) -> None:
    with remembering(tmp_path) as desk:
        instance = learnt(desk, "AAPL")
    holder = FileLock(tmp_path / "memory.lock")
    with holder, remembering(tmp_path) as desk:
        recalled = desk.recalled(instance, LATER)
        assert recalled.warning is not None
        assert "in use by another program" in recalled.warning
        desk.platform.memory.rebuild(by=TRADER)
        wait_until(desk.platform, lambda: not desk.platform.memory.status().rebuilding, "the rebuild to give up")
        assert desk.platform.memory.status().problem == "The memory store is in use by another program"
        assert list(tmp_path.glob("memory-aside-*")) == []


def test_another_embedder_has_a_store_of_its_own_that_is_filled_anew(tmp_path: Path) -> None:
    with remembering(tmp_path) as desk:
        instance = learnt(desk, "AAPL", "MSFT")
    with remembering(tmp_path, memory_embedder="wordllama") as desk:
        desk.filled()
        recalled = desk.recalled(instance, LATER)
        assert {lesson.symbol for lesson in recalled.lessons} == {"AAPL", "MSFT"}
        assert "wordllama" in desk.platform.memory.status().sentence


def test_eight_threads_at_once_recall_the_same(tmp_path: Path) -> None:
    with remembering(tmp_path) as desk:
        learnt(desk, "AAPL", "MSFT", "INTC")
        memory = desk.platform.memory

        def ask(_: int) -> list[int]:
            memory.fill_soon()
            return [row.id for row in memory.nearest(SITUATION, 3, Scope(known_by=LATER)).result(EVENT_SECONDS)]

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(64)))
        assert all(sorted(answer) == [1, 2, 3] for answer in answers)


def test_what_the_store_says_counts_only_as_far_as_the_database_agrees(tmp_path: Path) -> None:
    with remembering(tmp_path) as desk:
        instance = learnt(desk, "AAPL", "MSFT")
        desk.platform.lessons.delete(1, by=TRADER)  # behind the store's back, as a crash would leave it
        assert [lesson.id for lesson in desk.recalled(instance, LATER).lessons] == [2]


KILLED = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from ba2_trade_platform.memory.embedders import HashingEmbedder
from ba2_trade_platform.memory.store import Entry, VectorStore
store, then = VectorStore(Path(sys.argv[1]), HashingEmbedder), datetime(2013, 1, 1, tzinfo=UTC)
for number in range(1, 100_000):
    store.upsert([Entry(f"{number}-killed", f"a situation of number {number}", number, then, "AAPL", "BUY")])
    print(number, flush=True)
"""


@pytest.mark.parametrize("after", [1, 25, 70])
def test_a_kill_in_the_middle_of_writes_loses_nothing_acknowledged_and_the_next_start_heals(
    tmp_path: Path, after: int
) -> None:
    with remembering(tmp_path) as desk:
        instance = desk.instance()
        desk.decide(instance, "AAPL", "MSFT")
        desk.platform.memory.learn()
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "memory")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    written = [int(process.stdout.readline()) for _ in range(after)]
    os.kill(process.pid, signal.SIGKILL)
    written += [int(line) for line in process.stdout if line.endswith("\n")]
    process.wait()
    store = VectorStore(tmp_path / "memory", HashingEmbedder)
    assert store.keys() >= {f"{number}-killed" for number in written}
    store.close()
    with remembering(tmp_path) as desk:
        # The strangers of the killed writer are taken out, what was missing is put in.
        desk.filled()
        assert {lesson.symbol for lesson in desk.recalled(instance, LATER).lessons} == {"AAPL", "MSFT"}


def test_lessons_known_at_the_same_instant_as_the_analysis_count(tmp_path: Path) -> None:
    known = datetime(2013, 6, 17, 20, tzinfo=UTC)
    with remembering(tmp_path) as desk:
        instance = learnt(desk, "AAPL")
        assert desk.recalled(instance, known - timedelta(seconds=1)).lessons == ()
        assert len(desk.recalled(instance, known, "CERN").lessons) == 1
