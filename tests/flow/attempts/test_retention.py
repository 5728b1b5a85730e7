"""Retention: which archives are packed, which never are, how they are read again, and a kill in the middle."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from ba2_trade_platform.core.attempts.archive_files import ArchiveFiles, Packable
from ba2_trade_platform.core.attempts.retention import Retention
from ba2_trade_platform.core.base.errors import NotFound, Refused, SwitchedOff
from ba2_trade_platform.core.monitoring.attempt_diffs import Change
from tests.patience import CONSOLE_SECONDS, EVENT_SECONDS
from tests.places import ROOT
from tests.platforms import TRADER
from tests.sql import ask, one
from tests.stepped import Desk, make_desk

DAY = 86_400.0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    yield made
    made.close()


def retention(desk: Desk, days: int = 30) -> Retention:
    """Return the service over the desk's own folder."""
    return Retention(desk.store, ArchiveFiles(desk.file.parent / "archives"), days)


def failed_thrice(desk: Desk, symbol: str = "AAPL") -> int:
    """Return an analysis whose first two attempts are archived and whose third stands failed, with its traceback."""
    instance = next((found.id for found in desk.platform.experts.list()), None) or desk.expert()
    analysis_id, worker = desk.submit(instance, symbol), desk.worker()
    for number in range(3):
        if number:
            desk.analyses.rerun(analysis_id, by=TRADER)
        worker.fail(worker.claim(analysis_id))
    return analysis_id


def test_old_archives_move_into_a_zip_file_and_read_as_before(desk: Desk) -> None:
    analysis_id = failed_thrice(desk)
    before = [desk.platform.monitoring.details.archive(analysis_id, number) for number in (1, 2, 3)]
    desk.clock.advance(31 * DAY)
    foreseen = retention(desk).preview()
    assert (foreseen.attempts, foreseen.more) == (2, False)
    assert foreseen.bytes == one(
        desk.file,
        "SELECT SUM(LENGTH(contents) + LENGTH(traceback)) FROM attempt_archive JOIN analysis_attempt a "
        "ON a.id = attempt_id WHERE a.number < 3",
    )
    done = retention(desk).pack_away(by=TRADER)
    assert done.sentence.startswith("2 archives (0.0 MB) packed away into ")
    assert one(desk.file, "SELECT COUNT(*) FROM attempt_archive") == 1
    assert [desk.platform.monitoring.details.archive(analysis_id, number) for number in (1, 2, 3)] == before
    attempts = desk.platform.monitoring.details.attempts(analysis_id)
    assert [attempt.packed_into for attempt in attempts] == [None, Path(done.file).name, Path(done.file).name]
    assert all(attempt.has_archive for attempt in attempts)
    compared = desk.platform.monitoring.details.compare(analysis_id, 1, 3)
    assert {output.change for output in compared.outputs} == {Change.SAME}


def test_the_file_is_plain_json_for_any_tool(desk: Desk) -> None:
    analysis_id = failed_thrice(desk)
    desk.clock.advance(31 * DAY)
    done = retention(desk).pack_away(by=TRADER)
    with zipfile.ZipFile(done.file) as packed:
        assert packed.namelist() == [f"analysis-{analysis_id}/attempt-{number}.json" for number in (1, 2)]
        left = json.loads(packed.read(packed.namelist()[0]))
    assert left["traceback"] == f"Traceback of {analysis_id}/1"
    assert [output["name"] for output in left["contents"]["outputs"]] == ["Note 0"]


def test_the_newest_attempt_and_young_ones_are_never_taken(desk: Desk) -> None:
    failed_thrice(desk)
    desk.clock.advance(29 * DAY)
    with pytest.raises(Refused, match="No archive is older than 30 days"):
        retention(desk).pack_away(by=TRADER)
    desk.clock.advance(300 * DAY)
    retention(desk).pack_away(by=TRADER)
    assert retention(desk).preview().attempts == 0
    assert ask(desk.file, "SELECT number FROM analysis_attempt JOIN attempt_archive ON attempt_id = id") == [(3,)]


class WithdrawnMeanwhile(ArchiveFiles):
    """A folder in which a file takes so long to write that a re-run is withdrawn meanwhile."""

    def __init__(self, desk: Desk, analysis_id: int) -> None:
        super().__init__(desk.file.parent / "archives")
        self._withdraw = partial(desk.analyses.withdraw, analysis_id, by=TRADER)

    def write(self, archives: Iterable[Packable], now: datetime) -> Path:
        """Write the file, and let the trader withdraw before it is told of."""
        file = super().write(archives, now)
        self._withdraw()
        return file


def test_an_attempt_that_is_the_present_one_again_keeps_its_archive(desk: Desk) -> None:
    analysis_id = failed_thrice(desk)
    desk.clock.advance(31 * DAY)
    desk.analyses.rerun(analysis_id, by=TRADER)
    packed = Retention(desk.store, WithdrawnMeanwhile(desk, analysis_id), 30).pack_away(by=TRADER)
    assert packed.attempts == 2
    assert ask(desk.file, "SELECT number FROM analysis_attempt WHERE packed_into IS NULL") == [(3,), (4,)]
    assert str(desk.platform.monitoring.details.archive(analysis_id, 3).traceback).startswith("Traceback of")


def test_without_a_limit_nothing_is_ever_packed(desk: Desk) -> None:
    failed_thrice(desk)
    desk.clock.advance(5_000 * DAY)
    assert "for ever; set BA2_ARCHIVE_DAYS" in retention(desk, days=0).preview().sentence
    with pytest.raises(SwitchedOff):
        retention(desk, days=0).pack_away(by=TRADER)
    assert one(desk.file, "SELECT COUNT(*) FROM attempt_archive") == 3


def test_a_file_that_is_gone_or_broken_is_a_sentence(desk: Desk) -> None:
    analysis_id = failed_thrice(desk)
    desk.clock.advance(31 * DAY)
    file = Path(retention(desk).pack_away(by=TRADER).file)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(NotFound, match=r"packed away into .*\.zip, which cannot be read"):
        desk.platform.monitoring.details.archive(analysis_id, 1)
    file.unlink()
    with pytest.raises(NotFound, match="which is not there; put the file back to read it"):
        desk.platform.monitoring.details.compare(analysis_id, 1, 3)
    file.write_bytes(content)
    assert desk.platform.monitoring.details.archive(analysis_id, 1).outputs


def test_a_second_packing_makes_a_second_file_and_more_than_a_slice_is_taken(desk: Desk) -> None:
    analysis_ids = [failed_thrice(desk, f"S{number}") for number in range(60)]
    desk.clock.advance(31 * DAY)
    first = retention(desk).pack_away(by=TRADER)
    assert first.attempts == 120
    failed_thrice(desk, "LATE")
    desk.clock.advance(31 * DAY)
    second = retention(desk).pack_away(by=TRADER)
    assert second.attempts == 2
    assert first.file != second.file
    assert all(desk.platform.monitoring.details.archive(analysis_id, 1).outputs for analysis_id in analysis_ids)


def test_who_packed_what_stands_in_the_activity_log(desk: Desk) -> None:
    failed_thrice(desk)
    desk.clock.advance(31 * DAY)
    done = retention(desk).pack_away(by=TRADER)
    statement = "SELECT name, after FROM activity_log l JOIN actor a ON a.id = l.actor_id WHERE what = 'pack'"
    assert ask(desk.file, statement) == [("trader", done.sentence)]


PACK = """
import sys
from datetime import timedelta
from pathlib import Path
from ba2_trade_platform.core.access.permissions import check_permission
from ba2_trade_platform.core.base.change_feed import ChangeFeed
from ba2_trade_platform.core.attempts.archive_files import ArchiveFiles, Packable
from ba2_trade_platform.core.attempts.retention import Retention
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.db.engine import open_engine
from tests.fakes.clock import MovingClock
from tests.platforms import TRADER
folder, clock = Path(sys.argv[1]), MovingClock()
clock.advance(timedelta(days=40).total_seconds())
store = Store(open_engine(f"sqlite:///{folder / 'ba2.db'}", "OFF"), ChangeFeed(), check_permission, clock)
print(Retention(store, ArchiveFiles(folder / "archives"), 30).pack_away(by=TRADER).attempts)
"""


def test_a_kill_between_the_file_and_the_database_loses_nothing(desk: Desk) -> None:
    """Another program holds the database, so that the packer has written its file and waits; there it is killed."""
    analysis_id, folder = failed_thrice(desk), desk.file.parent
    before = [desk.platform.monitoring.details.archive(analysis_id, number) for number in (1, 2)]
    with closing(sqlite3.connect(desk.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        packer = subprocess.Popen([sys.executable, "-c", PACK, str(folder)], cwd=ROOT)
        deadline = time.monotonic() + CONSOLE_SECONDS
        while not list(folder.glob("archives/*.zip")):
            assert packer.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        packer.send_signal(signal.SIGKILL)
        assert packer.wait() == -signal.SIGKILL
        other.execute("ROLLBACK")
    assert one(desk.file, "SELECT COUNT(*) FROM attempt_archive") == 3
    assert [desk.platform.monitoring.details.archive(analysis_id, number) for number in (1, 2)] == before
    again = subprocess.run(
        [sys.executable, "-c", PACK, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert again.stdout.strip() == "2"
    assert [desk.platform.monitoring.details.archive(analysis_id, number) for number in (1, 2)] == before


def test_two_who_pack_at_once_lose_nothing(desk: Desk) -> None:
    ids = [failed_thrice(desk, f"S{number}") for number in range(30)]
    before = {key: desk.platform.monitoring.details.archive(key, 1) for key in ids}
    desk.clock.advance(31 * DAY)
    service, begin = retention(desk), threading.Barrier(2)

    def pack() -> str:
        begin.wait(EVENT_SECONDS)
        try:
            return service.pack_away(by=TRADER).sentence
        except Refused as refusal:
            return str(refusal.code)

    with ThreadPoolExecutor(2) as two:
        said = [future.result() for future in [two.submit(pack), two.submit(pack)]]
    assert "NOTHING_TO_PACK" in said
    assert {key: desk.platform.monitoring.details.archive(key, 1) for key in ids} == before
