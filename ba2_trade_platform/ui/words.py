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
ADVICE = {
    "RATE_LIMIT": "The provider asked to slow down. A re-run in a moment is likely to work.",
    "PROVIDER_DOWN": "The provider did not serve. A re-run is likely to work once it is back.",
    "CONNECTION": "The connection broke. A re-run is likely to work.",
    "TIMEOUT": "It took longer than its limit. Re-run it, or raise the expert's time limit.",
    "MEMORY_STORE": "The expert's memory could not be read. A re-run may work.",
    "INTERRUPTED": "The console stopped while it ran. Re-run it.",
    "AUTH": "The API key was refused. Fix it in the expert's settings, then re-run.",
    "PERMISSION": "The account may not do this. Fix the account or the settings, then re-run.",
    "MODEL_NOT_FOUND": "The model does not exist. Choose another in the expert's settings, then re-run.",
    "BAD_REQUEST": "The provider refused the request. Check the expert's settings, then re-run.",
    "CONTEXT_OVERFLOW": "The question was too long for the model. Choose a larger model, then re-run.",
    "EXPERT_UNAVAILABLE": "The expert cannot work as it is configured. Fix its settings, then re-run.",
    "DATA_MISSING": "There are not enough prices for this symbol. A re-run cannot help until there are.",
    "SYMBOL_INVALID": "The price provider does not know this symbol. Correct or drop it.",
    "STALE_DATA": "The newest price is too old; the symbol may be delisted. A re-run cannot help.",
    "OUTPUT_INVALID": "The answer could not be read. Look at it and decide, or re-run.",
    "BUDGET": "The budget is used up. Raise it, then re-run.",
    "BUG": "The expert has a fault. Copy the traceback into a report; a re-run may or may not work.",
    "RUN_BEFORE": "Its time had passed before it could run.",
}
