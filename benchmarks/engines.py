"""Engine runner: runs each queue engine in a process of its own, so that none measures another's threads."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory


@dataclass(frozen=True)
class Drained:
    """How long an engine took for how many jobs, and its pick-up times in seconds where they were measured."""

    jobs: int
    seconds: float
    pick_up: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds


def run(module: str, jobs: int, slots: int, *options: str) -> Drained:
    """Run an engine in a fresh folder and a fresh process; raises CalledProcessError when it fails."""
    with TemporaryDirectory(prefix="drain-") as folder:
        command = [sys.executable, "-m", f"benchmarks.{module}", folder, str(jobs), str(slots), *options]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent)
    return Drained(jobs, **json.loads(done.stdout.decode().splitlines()[-1]))


def answer(**measured: object) -> None:
    """Print what an engine measured, for `run` to read."""
    print(json.dumps(measured), flush=True)
