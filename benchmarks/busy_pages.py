"""Page benchmark: how long each page takes to paint beside a queue of ten thousand.

Run alone: `python -m benchmarks.busy_pages --waiting 10000`.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx
from playwright.sync_api import Browser, Page

from benchmarks.browser import Console, chromium, console
from benchmarks.report import Line, Section, milliseconds, show

EXPERTS = 5
PAINT = 2.0
DAILY = {"kind": "times", "times": ["03:00"]}
# What has been painted when each page shows what it is for.
PAGES = {
    "/marketanalysis": ".ba2-table tbody tr a[href^='/market_analysis/']",
    "/batches/1": "table[aria-label=Items] tbody tr",
    "/watchlists": ".ba2-watch tbody tr",
    "/schedules": "button[aria-label^='Run now']",
    "/health": "table[aria-label=Work] tbody tr",
}


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--waiting", type=int, default=10_000, help="analyses that wait while pages are opened")


def measure(options: Namespace) -> Section:
    """Fill the queue, then open each page several times."""
    with TemporaryDirectory(prefix="busy-") as folder, console(Path(folder), workers=8) as running:
        http = running.api()
        http.post("/queue/pause", json={}).raise_for_status()
        _fill(http, options.waiting)
        with chromium() as browser:
            paints = {path: _paint(browser, running, path, seen) for path, seen in PAGES.items()}
        left = http.get("/queue").json()["pending"]
        assert left == options.waiting, f"{left} analyses waited, and not {options.waiting}"
        http.close()
    return Section(
        f"Pages while {options.waiting:,} analyses wait in a paused queue; a warm browser, medians of 3",
        [
            *(
                Line(f"{path}: until painted", milliseconds(seconds), "", f"<= {PAINT:g} s", seconds <= PAINT)
                for path, seconds in paints.items()
            ),
        ],
        "One batch of all of them, the queue paused so that they really wait; nothing runs beside the pages.",
    )


def _fill(http: httpx.Client, waiting: int) -> None:
    desks = [_desk(http, f"Desk {number}", seconds=1) for number in range(EXPERTS)]
    symbols = [f"S{number}" for number in range(waiting // EXPERTS)]
    made = http.post("/watchlists", json={"name": "All"}).raise_for_status().json()["id"]
    http.post(f"/watchlists/{made}/items", json={"symbols": symbols, "unknown": True}).raise_for_status()
    wish = {"expert_instance_ids": desks, "symbols": symbols}
    http.post("/batches", json=wish).raise_for_status()
    for number in range(20):
        plan = {
            "name": f"Schedule {number}", "expert_instance_id": desks[0], "timing": DAILY, "zone": "UTC",
            "symbols": [f"N{number}"],
        }  # fmt: skip
        http.post("/schedules", json=plan).raise_for_status()


def _desk(http: httpx.Client, alias: str, **settings: object) -> int:
    wish = {"expert": "PracticeDesk", "alias": alias, "settings": settings, "max_concurrent": 8, "max_retries": 0}
    return int(http.post("/expert-instances", json=wish).raise_for_status().json()["id"])


def _paint(browser: Browser, running: Console, path: str, seen: str) -> float:
    seconds = []
    page = _page(browser)
    for _ in range(4):
        begun = time.perf_counter()
        page.goto(running.url + path)
        page.wait_for_selector(seen)
        seconds.append(time.perf_counter() - begun)
    page.close()
    return median(seconds[1:])  # the first fetches what every later page has at hand


def _page(browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(20_000)
    return page


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    add_options(arguments)
    show([measure(arguments.parse_args())])
