"""Routes: every URL of the console in one place, each a whole page of its own (docs/decisions/0004)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
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
PAGES: Mapping[str, Callable[..., Awaitable[None]]] = {
    "/marketanalysis": market_analysis_page,
    "/market_analysis/{analysis_id}": analysis_page,
    "/batches": batch_list_page,
    "/batches/{batch_id}": batch_page,
    "/costs": costs_page,
    "/retries": retries_page,
    "/lessons": lessons_page,
    "/lessons/{lesson_id}": lesson_page,
    "/experts": experts_page,
    "/watchlists": lists_page,
    "/symbols/{symbol:path}": symbol_page,
    "/health": health_page,
    "/providers": providers_page,
    "/notifications": notifications_page,
    "/schedules": schedules_page,
    "/runs/{run_id}": run_page,
    "/alerts": alerts_page,
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
    for address, build in PAGES.items():
        # As a method of the desk: whatever else its signature names is what the framework takes from the request.
        page(address)(MethodType(build, desk))
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
        return RedirectResponse("/marketanalysis")

    @page("/bulk-reruns")
    async def bulk_reruns() -> RedirectResponse:
        return RedirectResponse("/batches?kind=bulk_rerun")

    @page("/bulk-reruns/{bulk_id}")
    async def bulk_rerun(bulk_id: str, request: Request) -> RedirectResponse:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/batches/{quote(bulk_id, safe='')}{query}")
