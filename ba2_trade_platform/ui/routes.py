"""Routes: every URL of the console in one place, each a whole page of its own (docs/decisions/0004)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MethodType
from urllib.parse import quote

from nicegui import app, ui
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.ui.analysis.page import analysis_page
from ba2_trade_platform.ui.batches.batch_page import batch_page
from ba2_trade_platform.ui.batches.list_page import batch_list_page
from ba2_trade_platform.ui.experts.page import experts_page
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.live import Live
from ba2_trade_platform.ui.kit.shell_status import SharedReading, read_shell_status
from ba2_trade_platform.ui.kit.upload_guard import UploadGuard
from ba2_trade_platform.ui.models.costs_page import costs_page
from ba2_trade_platform.ui.models.lessons_page import lesson_page, lessons_page
from ba2_trade_platform.ui.models.providers_page import providers_page
from ba2_trade_platform.ui.notifications.alerts_page import alerts_page
from ba2_trade_platform.ui.notifications.page import notifications_page
from ba2_trade_platform.ui.operations.page import health_page
from ba2_trade_platform.ui.pages.marketanalysis import market_analysis_page
from ba2_trade_platform.ui.pages.problem import register_problem_pages
from ba2_trade_platform.ui.retries.page import retries_page
from ba2_trade_platform.ui.schedules.page import schedules_page
from ba2_trade_platform.ui.schedules.run_page import run_page
from ba2_trade_platform.ui.watchlists.page import lists_page
from ba2_trade_platform.ui.watchlists.symbol_page import symbol_page

STATIC = Path(__file__).parent / "static"
# In this order: what a feature says of its own outweighs the kit.
STYLED = (
    "kit", "shell", "jobs", "rerun", "batches", "analysis", "failures", "retries", "submit", "schedules", "watchlists",
    "operations", "experts",
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """A page of the console: what builds it, and what it shows, for docs/reference.md."""

    build: Callable[..., Awaitable[None]]
    shows: str


PAGES: Mapping[str, Page] = {
    "/marketanalysis": Page(market_analysis_page, "Job Monitoring, the failure inbox and Manual Analysis, as tabs"),
    "/market_analysis/{analysis_id}": Page(
        analysis_page, "one analysis: failure, recommendation, chart, steps, outputs, attempts"
    ),
    "/batches": Page(batch_list_page, "the batches, newest first, by state, kind and source; Bulk analysis"),
    "/batches/{batch_id}": Page(
        batch_page, "one batch: progress, estimated end, pause, cancel, re-run what failed, items with reasons"
    ),
    "/costs": Page(
        costs_page,
        "what model calls cost by day, expert, model and outcome, the budget of the day, and the prices known",
    ),
    "/retries": Page(
        retries_page,
        "what re-runs and retries brought, what failures wasted, what is not worth retrying, and old archives",
    ),
    "/lessons": Page(
        lessons_page, "what became of decisions, found by likeness; look for outcomes now, rebuild the memory's store"
    ),
    "/lessons/{lesson_id}": Page(
        lesson_page, "one lesson: situation, decision, what the price did, reflection; delete it"
    ),
    "/experts": Page(experts_page, "the configured experts with their settings, and the queue's switches"),
    "/watchlists": Page(
        lists_page,
        "watchlists with each symbol's last analysis, its recommendation, the price since and the next run; "
        "instruments",
    ),
    "/symbols/{symbol:path}": Page(
        symbol_page, "one symbol: price, chart with every expert's recommendations, analyses, lists, next runs"
    ),
    "/health": Page(
        health_page,
        "worker, scheduler, database, disks, backups and heartbeat: what is well, what is not, and what to do",
    ),
    "/providers": Page(
        providers_page,
        "model providers with models, keys, limits and Test connection; whose retries wait, and earlier incidents",
    ),
    "/notifications": Page(
        notifications_page,
        "who is told of what, by mail, chat or webhook, with Test; rules, quiet hours, and what was sent",
    ),
    "/schedules": Page(
        schedules_page,
        "schedules with next and last run, a week of them, and expected against done: every planned time with what "
        "became of it",
    ),
    "/runs/{run_id}": Page(
        run_page, "one run of a schedule: planned, began, late by, what became of its analyses, the reason"
    ),
    "/alerts": Page(alerts_page, "what waits for an acknowledgement, and what was acknowledged by whom and why"),
}
FORMER: Mapping[str, str] = {
    "/": "/marketanalysis",
    "/bulk-reruns": "/batches?kind=bulk_rerun",
    "/bulk-reruns/{bulk_id}": "/batches/{bulk_id}",
}
# On a machine that is busy a page may take longer than the framework's 3 s, and then ends as error 500.
page = partial(ui.page, response_timeout=30.0)


def register_pages(platform: Platform) -> Desk:
    """Give the console its pages; returns what they share."""
    live = Live(platform.store.feed)
    desk = Desk(platform, live, SharedReading(partial(read_shell_status, platform)))
    platform.operations.health.count_pages(lambda: live.pages)
    app.user_middleware.append(Middleware(UploadGuard))  # inside of that of sessions, which is there already
    _add_style()
    _open_at_once()
    _add_former_addresses()
    register_problem_pages(desk)
    for address, built in PAGES.items():
        # As a method of the desk: whatever else its signature names is what the framework takes from the request.
        page(address)(MethodType(built.build, desk))
    return desk


def _add_style() -> None:
    app.add_static_files("/static/ba2", STATIC)
    for feature in STYLED:
        sheet = f"/static/ba2/{feature}/{feature}.css"
        ui.add_head_html(f'<link rel="stylesheet" href="{sheet}">', shared=True)
    for script in ("kit/countdown", "kit/in_order", "kit/lists", "kit/drafts", "shell/connection"):
        ui.add_head_html(f'<script src="/static/ba2/{script}.js" defer></script>', shared=True)


def _open_at_once() -> None:
    # While anything fades in or out, Quasar puts the focus off, and then takes it from the field that is typed in.
    for kind in (ui.select, ui.input_chips, ui.menu, ui.dialog, ui.tooltip):
        kind.default_props("transition-duration=0")


def _add_former_addresses() -> None:
    @page("/")
    def home() -> RedirectResponse:
        return RedirectResponse(FORMER["/"])

    @page("/bulk-reruns")
    async def bulk_reruns() -> RedirectResponse:
        return RedirectResponse(FORMER["/bulk-reruns"])

    @page("/bulk-reruns/{bulk_id}")
    async def bulk_rerun(bulk_id: str, request: Request) -> RedirectResponse:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/batches/{quote(bulk_id, safe='')}{query}")
