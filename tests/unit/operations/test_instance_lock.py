"""The instance lock: one console per database, told by a lock that dies with its process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ba2_trade_platform.core.base.errors import StartRefused
from ba2_trade_platform.core.operations.instance_lock import Holder, InstanceLock
from tests.platforms import make_platform

TAKE = """
import sys, pathlib
from ba2_trade_platform.core.operations.instance_lock import InstanceLock
owner = InstanceLock(pathlib.Path(sys.argv[1]))
owner.take("http://127.0.0.1:9")
print("taken", flush=True)
sys.stdin.read()
"""


def test_a_second_console_is_told_who_holds_the_database(tmp_path: Path) -> None:
    first = make_platform(tmp_path)
    with pytest.raises(StartRefused) as refused:
        make_platform(tmp_path)
    assert refused.value.code == "DATABASE_HELD"
    assert f"Another console (process {os.getpid()}, http://127.0.0.1:8080) already works on" in str(refused.value)
    first.stop()
    make_platform(tmp_path).stop()
    assert InstanceLock(tmp_path / "ba2.db").holder() is None


def test_the_holder_is_named_to_others_and_gone_when_its_process_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    other = subprocess.Popen(
        [sys.executable, "-c", TAKE, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == "taken\n"
        mine = InstanceLock(file)
        assert mine.holder() == Holder(other.pid, "http://127.0.0.1:9")
        with pytest.raises(StartRefused, match=f"process {other.pid}"):
            mine.take("http://127.0.0.1:10")
        other.kill()
        other.wait()
    assert mine.holder() is None
    mine.take("http://127.0.0.1:10")
    assert InstanceLock(file).holder() == Holder(os.getpid(), "http://127.0.0.1:10")
    mine.release()
    mine.release()
    assert InstanceLock(file).holder() is None


def test_nobody_holds_a_database_that_is_not_there(tmp_path: Path) -> None:
    assert InstanceLock(tmp_path / "nowhere" / "desk.db").holder() is None
