"""Process metrics: memory, disk, versions and clock jumps from the operating system, None where unknown."""

from __future__ import annotations

import os
import platform as python_platform
import shutil
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("nicegui", "fastapi", "sqlalchemy", "apscheduler", "apprise", "langchain-core", "langgraph", "chromadb")
BASELINE = timedelta(hours=1)
MEMORY_FILE = Path("/proc/self/statm")


def memory_bytes() -> int | None:
    """Return how much memory this process holds, None where the system does not say."""
    try:
        return int(MEMORY_FILE.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def free_bytes(folder: Path) -> int | None:
    """Return how much room is left on the disk of a folder, or of the first folder above it that exists."""
    for each in (folder, *folder.resolve().parents):
        try:
            return shutil.disk_usage(each).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def file_bytes(file: Path) -> int:
    """Return a file's size, 0 when there is none."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


@cache
def versions(console: str) -> dict[str, str]:
    """Return the versions of the console, Python, SQLite and the libraries that matter in a bug report."""
    found = {"console": console, "python": python_platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found | {"system": f"{python_platform.system()} {python_platform.release()}"}


def steady_seconds() -> float:
    """Return seconds of a clock that nobody sets and that goes on while the machine sleeps, where there is one."""
    clock = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))  # the latter sleeps only on Linux
    return time.monotonic() if clock is None else time.clock_gettime(clock)


@dataclass
class ClockWatch:
    """Compares the wall clock with a steady one over the last hour, to see when it was set."""

    _wall: datetime | None = None
    _steady: float = 0.0

    def jump_seconds(self, wall: datetime, steady: float) -> float:
        """Return by how much the wall clock was set since it was looked at first, an hour ago at most."""
        if self._wall is None:
            self._wall, self._steady = wall, steady
        passed = (wall - self._wall).total_seconds()
        jump = passed - (steady - self._steady)
        if steady - self._steady > BASELINE.total_seconds():
            self._wall, self._steady = wall, steady
        return jump
