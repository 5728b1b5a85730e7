"""Footprint benchmark: start-up, memory and idle processor time of a console, and its load by browsers.

Run alone: `python -m benchmarks.console --browsers 20 --seconds 20`.
"""

from __future__ import annotations

import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil
from playwright.sync_api import Browser

from benchmarks.browser import Console, chromium, console
from benchmarks.report import Line, Section, show

STARTS = 3
SYMBOLS = ("AAPL", "MSFT", "INTC", "COST", "AMD", "CERN", "GPS", "MMM")
DESK = {"steps": 5, "outputs": 5, "seconds": 1.0}


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--browsers", type=int, default=20, help="pages that watch Job Monitoring")
    parser.add_argument("--seconds", type=float, default=20, help="how long processor time is measured each time")


def measure(options: Namespace) -> Section:
    """Start, idle, work, and be watched."""
    with TemporaryDirectory(prefix="console-") as folder:
        first = _start(Path(folder) / "fresh")
        later = median(_start(Path(folder) / "fresh") for _ in range(STARTS))
        with console(Path(folder) / "watched") as running, chromium() as browser:
            lines = _watched(running, browser, options)
    return Section(
        "The console: 100 % is one core",
        [
            Line("Start to /healthz, empty folder (creates the database)", f"{first:.2f} s"),
            Line(f"Start to /healthz, median of {STARTS}", f"{later:.2f} s"),
            *lines,
        ],
        f"Processor time over {options.seconds:g} s each; the work is 8 slots of analyses of 1 s with 5 steps each;"
        " the browsers are pages of one Chromium, which shares the cores.",
    )


def _start(folder: Path) -> float:
    with console(folder) as running:
        return running.seconds_to_health


def _watched(running: Console, browser: Browser, options: Namespace) -> list[Line]:
    process, seconds = psutil.Process(running.pid), options.seconds
    time.sleep(2)  # what starting has left to do is no part of idling
    alone = _megabytes(process)
    lines = [Line("Memory, nobody watching", f"{alone:,.0f} MB"), Line("Idle", _cpu(process, seconds))]
    with _work(running):
        lines.append(Line("Working, nobody watching", _cpu(process, seconds)))
    pages = [browser.new_page() for _ in range(options.browsers)]
    for page in pages:
        page.goto(f"{running.url}/marketanalysis")
        page.wait_for_selector(".ba2-table tbody tr")
    watched = _megabytes(process)
    lines += [
        Line(
            f"Memory, {len(pages)} browsers watching",
            f"{watched:,.0f} MB",
            f"{(watched - alone) / len(pages):.1f} MB each",
        ),
        Line(f"Idle, {len(pages)} browsers watching", _cpu(process, seconds)),
    ]
    with _work(running):
        lines.append(Line(f"Working, {len(pages)} browsers watching", _cpu(process, seconds)))
    return lines


def _cpu(process: psutil.Process, seconds: float) -> str:
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return f"{100 * used / seconds:.1f} %"


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


@contextmanager
def _work(running: Console) -> Iterator[None]:
    """Keep every slot busy for the length of a block."""
    done = threading.Event()

    def feed() -> None:
        with running.api() as http:
            desks = [desk["id"] for desk in http.get("/expert-instances").json()["items"]]
            if not desks:
                wish = {"expert": "PracticeDesk", "alias": "Desk", "settings": DESK, "max_concurrent": 8}
                desks = [http.post("/expert-instances", json=wish).raise_for_status().json()["id"]]
            day = 0
            while not done.wait(0.2):
                if http.get("/queue").json()["pending"] < len(SYMBOLS):
                    day += 1
                    as_of = f"201{1 + day // 300 % 3}-{1 + day // 25 % 12:02}-{1 + day % 25:02}T21:00:00Z"
                    wishes = {"expert_instance_ids": desks, "symbols": SYMBOLS, "as_of": as_of}
                    http.post("/batches", json=wishes).raise_for_status()

    feeder = threading.Thread(target=feed)
    feeder.start()
    time.sleep(2)  # until every slot is taken
    try:
        yield
    finally:
        done.set()
        feeder.join()


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    add_options(arguments)
    show([measure(arguments.parse_args())])
