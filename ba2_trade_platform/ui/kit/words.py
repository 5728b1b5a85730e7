"""Labels: words, icons and colours of statuses, outcomes and failures, the same on every page."""

from __future__ import annotations

from typing import NamedTuple

from ba2_trade_platform.vocabulary import Mode, Status


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
    "withdrawn": Look("withdrawn", "undo", "quiet"),
}
BREAKER: dict[str, Look] = {
    "open": Look("held back", "front_hand", "bad"),
    "probing": Look("probing", "troubleshoot", "running"),
    "draining": Look("letting go", "trending_up", "good"),
    "closed": Look("closed", "check_circle", "quiet"),
}
HEALTH: dict[str, Look] = {
    "ok": Look("well", "check_circle", "good"),
    "warn": Look("watch", "warning", "warn"),
    "bad": Look("bad", "error", "bad"),
}
OUTLOOK: dict[str, Look] = {
    "transient": Look("transient", "autorenew", "good"),
    "permanent": Look("permanent", "build", "bad"),
    "unknown": Look("unknown", "help", "warn"),
}
GROUP: dict[str, Look] = {
    "regressed": Look("came back", "replay", "bad"),
    "unresolved": Look("unresolved", "error", "bad"),
    "scheduled": Look("re-run scheduled", "schedule", "waiting"),
    "ignored": Look("ignored", "notifications_paused", "quiet"),
    "resolved": Look("resolved", "task_alt", "good"),
    "wont_fix": Look("won't fix", "do_not_disturb_on", "quiet"),
    "recovered": Look("recovered", "check_circle", "good"),
}
ACTION: dict[str, Look] = {
    "BUY": Look("BUY", "trending_up", "good"),
    "SELL": Look("SELL", "trending_down", "bad"),
    "HOLD": Look("HOLD", "trending_flat", "quiet"),
    "REVIEW": Look("REVIEW", "visibility", "warn"),
}
JUDGED: dict[bool, Look] = {True: Look("right", "check", "good"), False: Look("wrong", "close", "bad")}
SUBTYPE = {"enter_market": "Enter market", "open_positions": "Open positions"}
TRIGGER = {
    "first": "first run",
    "rerun": "re-run",
    "retry": "automatic retry",
    "rescue": "rescued after a crash",
    "release": "resumed after a stop",
    "bulk": "bulk re-run",
}
RERUN_MODE = {
    Mode.FRESH: ("Fresh", "Everything again, with the present data"),
    Mode.RESUME: ("Resume", "Keep the steps that completed, go on where it failed"),
    Mode.FROM_STEP: ("From step", "This step and all that follow it"),
    Mode.ONLY: ("Only step", "This step and what builds on it"),
}
STEP_DISPOSITION: dict[str, Look] = {
    "reused": Look("kept", "inventory_2", "good"),
    "re-run": Look("done again", "autorenew", "running"),
    "stale": Look("looked at again", "rule", "warn"),
}
GUARD = {
    "RETRY_LIMIT": "front_hand",
    "CONFIRMATION_REQUIRED": "link",
    "PERMANENT": "build",
    "DUPLICATE_PENDING": "content_copy",
    "EXPERT_UNAVAILABLE": "power_off",
}
MODE = {
    "fresh": "fresh: all steps again",
    "resume": "resume: completed steps kept",
    "from_step": "from one step on",
    "only": "one step and what depends on it",
}
BATCH_STATE: dict[str, Look] = {
    "canary": Look("canary first", "science", "running"),
    "running": Look("under way", "play_circle", "running"),
    "paused": Look("paused", "pause_circle", "warn"),
    "completed": Look("done", "check_circle", "good"),
    "failed": Look("failed", "error", "bad"),
    "cancelled": Look("cancelled", "cancel", "quiet"),
    "canary_failed": Look("canary failed", "error", "bad"),
    "aborted": Look("aborted", "block", "quiet"),
}
BATCH_KIND = {"submit": "analysis", "bulk_rerun": "bulk re-run", "schedule_run": "run of a schedule"}
BATCH_COUNT = {
    "total": "in all",
    "queued": "waiting",
    "running": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "skipped": "skipped",
    "duplicate": "already under way",
    "blocked": "not possible",
}
BATCH_ITEM: dict[str, Look] = {
    "planned": Look("planned", "hourglass_empty", "waiting"),
    "queued": Look("queued", "schedule", "waiting"),
    "duplicate": Look("already under way", "content_copy", "quiet"),
    "skipped": Look("skipped", "skip_next", "quiet"),
    "blocked": Look("not possible", "block", "warn"),
    "succeeded": Look("succeeded", "check_circle", "good"),
    "failed": Look("failed", "error", "bad"),
}
BATCH_ITEMS = {
    "waiting": "waiting or running",
    **{name: BATCH_COUNT[name] for name in ("succeeded", "failed", "skipped", "duplicate", "blocked")},
}
RUN_STATE: dict[str, Look] = {
    "running": Look("running", "play_circle", "running"),
    "done": Look("done", "check_circle", "good"),
    "late": Look("done late", "schedule", "warn"),
    "partly_failed": Look("partly failed", "rule", "bad"),
    "failed": Look("failed", "error", "bad"),
    "missed": Look("missed", "event_busy", "bad"),
    "skipped": Look("skipped", "skip_next", "quiet"),
}
RUN_PLANNED = Look("planned", "event", "waiting")
RUN_TRIGGER = {"planned": "its time came", "catch_up": "made up for an outage", "manual": "Run now"}
MISFIRE = {
    "run_once": "run once, for the newest of the missed times",
    "run_each": "run each missed time, oldest first",
    "skip": "skip the missed times",
}
