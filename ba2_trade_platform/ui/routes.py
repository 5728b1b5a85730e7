"""Routes: every URL of the console in one place, each a whole page of its own (docs/decisions/0004)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from urllib.parse import quote

from nicegui import app, ui
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
from ba2_trade_platform.ui.models.costs_page import costs_page
from ba2_trade_platform.ui.models.lessons_page import lesson_page, lessons_page
from ba2_trade_platform.ui.models.providers_page import providers_page
from ba2_trade_platform.ui.notifications.alerts_page import alerts_page
from ba2_trade_platform.ui.notifications.page import notifications_page
from ba2_trade_platform.ui.operations.page import health_page
from ba2_trade_platform.ui.pages.marketanalysis import market_analysis_page
from ba2_trade_platform.ui.retries.page import retries_page
from ba2_trade_platform.ui.schedules.page import schedules_page
from ba2_trade_platform.ui.schedules.run_page import run_page
from ba2_trade_platform.ui.watchlists.page import lists_page
from ba2_trade_platform.ui.watchlists.symbol_page import symbol_page

STATIC = Path(__file__).parent / "static"
# In this order: what a feature says of its own outweighs the kit.
STYLED = (
    "kit", "shell", "jobs", "rerun", "batches", "analysis", "failures", "retries", "submit", "schedules", "watchlists",
    "operations",
)  # fmt: skip
# On a machine that is busy a page may take longer than the framework's 3 s, and then ends as error 500.
page = partial(ui.page, response_timeout=30.0)


def register_pages(platform: Platform) -> Desk:
    """Give the console its pages; returns what they share."""
    live = Live(platform.store.feed)
    desk = Desk(platform, live, SharedReading(partial(read_shell_status, platform)))
    platform.operations.health.count_pages(lambda: live.pages)
    _add_style()
    _open_at_once()
    _analyses(desk)
    _history(desk)
    _setup(desk)
    _time(desk)
    return desk


def _add_style() -> None:
    app.add_static_files("/static/ba2", STATIC)
    for feature in STYLED:
        sheet = f"/static/ba2/{feature}/{feature}.css"
        ui.add_head_html(f'<link rel="stylesheet" href="{sheet}">', shared=True)
    for script in ("countdown", "in_order", "lists"):
        ui.add_head_html(f'<script src="/static/ba2/kit/{script}.js" defer></script>', shared=True)


def _open_at_once() -> None:
    # While anything fades in or out, Quasar puts the focus off, and then takes it from the field that is typed in.
    for kind in (ui.select, ui.input_chips, ui.menu, ui.dialog, ui.tooltip):
        kind.default_props("transition-duration=0")


def _analyses(desk: Desk) -> None:
    @page("/")
    def home() -> RedirectResponse:
        return RedirectResponse("/marketanalysis")

    @page("/marketanalysis")
    async def market_analysis(request: Request) -> None:
        await market_analysis_page(desk, request)

    @page("/market_analysis/{analysis_id}")
    async def analysis(analysis_id: str) -> None:
        await analysis_page(desk, analysis_id)

    @page("/batches")
    async def batches(request: Request) -> None:
        await batch_list_page(desk, request)

    @page("/batches/{batch_id}")
    async def batch(batch_id: str, request: Request) -> None:
        await batch_page(desk, batch_id, request)

    @page("/bulk-reruns")
    async def bulk_reruns() -> RedirectResponse:
        return RedirectResponse("/batches?kind=bulk_rerun")

    @page("/bulk-reruns/{bulk_id}")
    async def bulk_rerun(bulk_id: str, request: Request) -> RedirectResponse:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/batches/{quote(bulk_id, safe='')}{query}")


def _history(desk: Desk) -> None:
    @page("/costs")
    async def costs(request: Request) -> None:
        await costs_page(desk, request)

    @page("/retries")
    async def retries(request: Request) -> None:
        await retries_page(desk, request)

    @page("/lessons")
    async def lessons(request: Request) -> None:
        await lessons_page(desk, request)

    @page("/lessons/{lesson_id}")
    async def lesson(lesson_id: str) -> None:
        await lesson_page(desk, lesson_id)


def _setup(desk: Desk) -> None:
    @page("/experts")
    async def experts() -> None:
        await experts_page(desk)

    @page("/watchlists")
    async def watchlists(request: Request) -> None:
        await lists_page(desk, request)

    @page("/symbols/{symbol:path}")
    async def symbol(symbol: str) -> None:
        await symbol_page(desk, symbol)

    @page("/health")
    async def health() -> None:
        await health_page(desk)

    @page("/providers")
    async def providers() -> None:
        await providers_page(desk)

    @page("/notifications")
    async def notifications(request: Request) -> None:
        await notifications_page(desk, request)


def _time(desk: Desk) -> None:
    @page("/schedules")
    async def schedules(request: Request) -> None:
        await schedules_page(desk, request)

    @page("/runs/{run_id}")
    async def run(run_id: str) -> None:
        await run_page(desk, run_id)

    @page("/alerts")
    async def alerts(request: Request) -> None:
        await alerts_page(desk, request)
