"""Crowd benchmark: how quickly the queue answers while many browsers watch thousands of analyses run.

Run alone: `python -m benchmarks.many_browsers --watchers 200 --queued 5000`.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from benchmarks.browser import Console, console
from benchmarks.report import Line, Section, percentile, show, spread
from benchmarks.watchers import watching

EXPERTS = 5
SYMBOLS = ["AAPL", "MSFT", "INTC", "COST"]
FIRST_DAY = date(2013, 1, 2)
ANSWER_P95 = 0.3
EVERY = 0.1


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--watchers", type=int, default=200, help="browsers that watch Job Monitoring")
    parser.add_argument("--queued", type=int, default=5_000, help="analyses that are queued and run meanwhile")
    parser.add_argument("--crowd-seconds", type=float, default=60, help="how long the queue is asked each time")


def measure(options: Namespace) -> Section:
    """Ask the queue while nobody watches, then while many do."""
    with TemporaryDirectory(prefix="crowd-") as folder, console(Path(folder), workers=8) as running:
        _queue(running, options.queued)
        alone = _asked(running, options.crowd_seconds / 3)
        with watching(running.url, "/marketanalysis", options.watchers) as watchers:
            told = sum(watcher.messages for watcher in watchers)
            watched = _asked(running, options.crowd_seconds)
            connected = sum(watcher.connected for watcher in watchers)
            left = _waiting(running)
            messages = sum(watcher.messages for watcher in watchers) - told
    slow, ratio = percentile(watched, 95), percentile(watched, 95) / percentile(alone, 95)
    return Section(
        f"GET /queue while {options.queued:,} analyses are queued and run; p50 / p95",
        [
            Line("Nobody watches", spread(alone)),
            Line(
                f"{options.watchers} browsers watch", spread(watched), f"{ratio:.1f} x", "p95 <= 300 ms",
                slow <= ANSWER_P95,
            ),
            Line(
                "Sockets that held", f"{connected} of {options.watchers}", f"{messages / options.crowd_seconds:,.0f}/s",
                "all", connected == options.watchers,
            ),
        ],
        "A browser is its page and its socket, without painting; the second ratio is what all of them are sent. "
        f"{left:,} analyses still waited at the end.",
    )  # fmt: skip


def _waiting(running: Console) -> int:
    """Return how many analyses have not begun."""
    with running.api() as http:
        return int(http.get("/queue").raise_for_status().json()["pending"])


def _queue(running: Console, queued: int) -> None:
    with running.api() as http:
        desk = {"expert": "PracticeDesk", "settings": {"seconds": 0.5, "steps": 2}, "max_concurrent": 8}
        desks = [
            http.post("/expert-instances", json={**desk, "alias": f"Desk {number}"}).raise_for_status().json()["id"]
            for number in range(EXPERTS)
        ]
        for number in range(queued // (EXPERTS * len(SYMBOLS))):
            wish = {"expert_instance_ids": desks, "symbols": SYMBOLS, "as_of": str(FIRST_DAY + timedelta(days=number))}
            http.post("/batches", json=wish).raise_for_status()


def _asked(running: Console, seconds: float) -> list[float]:
    """Return how long each answer took, asked by a process of its own: the browsers' threads keep this one busy."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        return other.submit(_ask, running.url, seconds).result()


def _ask(url: str, seconds: float) -> list[float]:
    """Ask every tenth of a second."""
    answers, until = [], time.monotonic() + seconds
    with httpx.Client(base_url=url, timeout=60) as http:
        while time.monotonic() < until:
            begun = time.perf_counter()
            http.get("/api/v1/queue").raise_for_status()
            answers.append(time.perf_counter() - begun)
            time.sleep(max(0.0, EVERY - answers[-1]))
    return answers


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    add_options(arguments)
    show([measure(arguments.parse_args())])
