"""Problem page: an unknown address and a page that failed, said inside the frame with a way on."""

from __future__ import annotations

import logging
from functools import partial

from nicegui import app, ui
from nicegui.client import Client
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.panels import empty_state
from ba2_trade_platform.ui.shell.layout import frame

log = logging.getLogger(__name__)
LONGEST_PATH = 200


def register_problem_pages(desk: Desk) -> None:
    """Answer unknown addresses with a page of the console's own, and pages that fail with a sentence."""
    app.on_page_exception(_failed)
    app.add_exception_handler(404, partial(_not_found, desk))


async def _not_found(desk: Desk, request: Request, error: Exception) -> Response:
    endpoint = request.scope.get("endpoint")
    if endpoint is not None and endpoint is not app and not request.scope.get("nicegui_page_path"):
        detail = error.detail if isinstance(error, HTTPException) else "Not found"
        return Response(detail, 404)  # a file or a script of a page, which nobody looks at
    log.info("There is no page %s", request.url.path[:LONGEST_PATH])
    with Client(ui.page(""), request=request) as client:
        async with frame(desk, "No such page", "", "ba2-scroll"):
            with ui.element("div").classes("ba2-panel"):
                empty_state("explore_off", "There is no such page", request.url.path[:LONGEST_PATH])
                with ui.row().classes("w-full justify-center"):
                    ui.link("To Job Monitoring", "/marketanalysis").classes("ba2-link")
    return client.build_response(request, 404)


def _failed(error: Exception) -> None:
    ui.page_title("Not shown - BA2 Trade Platform")
    ui.dark_mode(value=app.storage.user.get("dark", True))
    with ui.element("main").classes("ba2-scroll"), ui.element("div").classes("ba2-panel"):
        fault = f"It failed with {type(error).__name__}, a fault of the console's own; its log tells more."
        sentence = str(error) if isinstance(error, PlatformError) else fault
        empty_state("error", "This page cannot be shown just now", sentence)
        with ui.row().classes("w-full justify-center"):
            ui.link("Try again", "").classes("ba2-link")
            ui.link("To Job Monitoring", "/marketanalysis").classes("ba2-link")
            ui.link("Health", "/health").classes("ba2-link")
