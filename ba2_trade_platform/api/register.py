"""API registration: an ASGI application in front of the pages, so that no API error is ever HTML."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ba2_trade_platform.api.analyses import analyses, queue, reruns, results, retries
from ba2_trade_platform.api.batches import batches, bulk_reruns
from ba2_trade_platform.api.demo import demo, replay
from ba2_trade_platform.api.experts import experts, trials
from ba2_trade_platform.api.failures import breakers, failures
from ba2_trade_platform.api.http.body_limits import MEGABYTE, BodyLimits, Room
from ba2_trade_platform.api.http.guard import Guard, JsonOnly, answer_with_headers
from ba2_trade_platform.api.http.idempotency import IdempotencyKeys, add_parameter
from ba2_trade_platform.api.http.problems import EVERYWHERE, Problem, answer_problems
from ba2_trade_platform.api.instruments import calendar_days, instruments, symbol_maps, watchlists
from ba2_trade_platform.api.models import costs, dialects, known_models, lessons, providers, research
from ba2_trade_platform.api.notifications import alerts, notifications
from ba2_trade_platform.api.operations import backups, health, health_report, price_files, retention
from ba2_trade_platform.api.schedules import runs, schedules
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.vocabulary import ActorKind

PREFIX = "/api/v1"
PATHS = ("/api", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics")

AREAS = (
    analyses,
    reruns,
    batches,
    bulk_reruns,
    results,
    failures,
    retries,
    costs,
    retention,
    backups,
    health_report,
    queue,
    alerts,
    breakers,
    dialects,
    providers,
    known_models,
    experts,
    trials,
    research,
    lessons,
    notifications,
    schedules,
    runs,
    instruments,
    watchlists,
    demo,
    replay,
    symbol_maps,
    calendar_days,
    price_files,
)


def create_api(platform: Platform, kind: ActorKind = ActorKind.API, room: Room | None = None) -> FastAPI:
    """Return the API as an application; `kind` is the kind of actor that those who ask are, `room` that of bodies."""
    api = FastAPIOffline(  # FastAPI's own /docs fetches its scripts from another website
        title="BA2 Trade Platform",
        static_url="/docs/static",
        redoc_url=None,
        version=platform.version,
        redirect_slashes=False,
        responses=EVERYWHERE,
        description="Durable analyses, visible failures, and a re-run that is one transaction.",
    )
    api.state.platform = platform
    api.state.actor = platform.actor(kind)
    api.router.routes.extend(_routes())
    api.add_middleware(IdempotencyKeys, answers=platform.first_answers, by=api.state.actor)
    api.add_middleware(BodyLimits, **_body_limits(platform), room=room or Room())
    api.add_middleware(JsonOnly)
    api.add_middleware(Guard, host=platform.settings.host)
    answer_with_headers(api)
    answer_problems(api)
    api.openapi = lambda: _document(api)  # type: ignore[method-assign]  # FastAPI's own way to extend the document
    # Before FastAPI's own, which writes the document on the pages' loop: half a megabyte, for a second the first time.
    api.router.routes.insert(0, Route("/openapi.json", _openapi))
    return api


def register_api(app: FastAPI, platform: Platform) -> None:
    """Have `app` answer the API's paths with the API, and everything else itself, to its own hosts and origins only."""
    room = Room()
    app.add_middleware(BodyLimits, **_body_limits(platform), room=room)
    app.add_middleware(Guard, host=platform.settings.host)
    app.add_middleware(_ApiFirst, api=create_api(platform, room=room))
    answer_with_headers(app)


def _body_limits(platform: Platform) -> dict[str, int]:
    settings = platform.settings
    return {"usual": round(settings.body_mb * MEGABYTE), "files": round(settings.import_mb * MEGABYTE)}


class _ApiFirst:
    """ASGI middleware that sends the API's paths to the API."""

    def __init__(self, app: ASGIApp, api: ASGIApp) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = scope["type"] == "http" and any(
            scope["path"] == path or scope["path"].startswith(f"{path}/") for path in PATHS
        )
        await (self._api if wanted else self._app)(scope, receive, send)


@cache
def _routes() -> list[BaseRoute]:
    """Return the routes of all areas; FastAPI works them out at the first request, once for all applications."""
    api = FastAPI(openapi_url=None, responses=EVERYWHERE)
    for area in AREAS:
        api.include_router(area.router, prefix=PREFIX)
    api.include_router(health.router)
    return api.routes


def _openapi(request: Request) -> Response:
    """Answer with the document, written once and on a thread."""
    state = request.app.state
    if not hasattr(state, "document"):
        state.document = json.dumps(_document(request.app)).encode()
    return Response(state.document, media_type="application/json")


def _document(api: FastAPI) -> dict[str, Any]:
    if not api.openapi_schema:
        api.openapi_schema = get_openapi(
            title=api.title, version=api.version, description=api.description, routes=api.routes
        )
        schemas = api.openapi_schema.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = Problem.model_json_schema()
        add_parameter(api.openapi_schema)
    return api.openapi_schema
