"""Patience: how long a test waits before it says that something never came; BA2_TEST_PATIENCE multiplies all of it.

Waiting long costs nothing when the event comes, so the times are generous, and no test asserts how long anything took.
"""

from __future__ import annotations

import math
import os


def factor(given: str) -> float:
    """Return what all waits are multiplied by; raises ValueError unless it is a number above 0."""
    wanted = float(given)
    if not 0 < wanted < math.inf:
        raise ValueError(f"BA2_TEST_PATIENCE is {given!r}: it must be a number above 0, such as 3")
    return wanted


FACTOR = factor(os.environ.get("BA2_TEST_PATIENCE") or "1")
CONSOLE_SECONDS = 120 * FACTOR  # a console starts, drains or stops, a program ends, an answer comes over HTTP
EVENT_SECONDS = 30 * FACTOR  # something happens within this process, or a page shows it
