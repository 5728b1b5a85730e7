"""The words, icons and colours of statuses, outcomes and failures; the same on every page."""

from __future__ import annotations

from typing import NamedTuple

from ba2_trade_platform.core.lifecycle import Status


class Look(NamedTuple):
    """How a status is shown: never by colour alone."""

    word: str
    icon: str
    tone: str


STATUS: dict[str, Look] = {
    Status.PENDING: Look("pending", "schedule", "waiting"),
    Status.RUNNING: Look("running", "play_circle", "running"),
    Status.COMPLETED: Look("completed", "check_circle", "good"),
    Status.FAILED: Look("failed", "error", "bad"),
    Status.SKIPPED: Look("skipped", "skip_next", "quiet"),
    Status.CANCELLED: Look("cancelled", "block", "quiet"),
}
OUTCOME: dict[str, Look] = {
    **STATUS,
    "interrupted": Look("interrupted", "power_off", "warn"),
    "released": Look("handed back", "replay", "quiet"),
}
BREAKER: dict[str, Look] = {
    "open": Look("held back", "front_hand", "bad"),
    "probing": Look("probing", "troubleshoot", "running"),
    "draining": Look("letting go", "trending_up", "good"),
    "closed": Look("closed", "check_circle", "quiet"),
}
ACTION: dict[str, Look] = {
    "BUY": Look("BUY", "trending_up", "good"),
    "SELL": Look("SELL", "trending_down", "bad"),
    "HOLD": Look("HOLD", "trending_flat", "quiet"),
    "REVIEW": Look("REVIEW", "visibility", "warn"),
}
SUBTYPE = {"enter_market": "Enter market", "open_positions": "Open positions"}
TRIGGER = {
    "first": "first run",
    "rerun": "re-run",
    "retry": "automatic retry",
    "rescue": "rescued after a crash",
    "release": "resumed after a stop",
    "bulk": "bulk re-run",
}
MODE = {
    "fresh": "fresh: all steps again",
    "resume": "resume: completed steps kept",
    "from_step": "from one step on",
    "only": "one step and what depends on it",
}
