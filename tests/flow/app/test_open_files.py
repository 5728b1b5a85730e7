"""Open files: the limit is raised as far as it may be, and connections stay below it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("resource")
_ASK = """
import resource, sys
from ba2_trade_platform.app.open_files import connections_that_fit
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
print(connections_that_fit(1000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "answer"),
    [(256, 512, "312 512"), (256, 4096, "1000 1200"), (2000, 4096, "1000 2000"), (64, 100, "10 100")],
)
def test_the_limit_is_raised_and_connections_stay_below_it(soft: int, hard: int, answer: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", _ASK, str(soft), str(hard)], check=True, capture_output=True, text=True
    )
    assert said.stdout.split() == answer.split()
