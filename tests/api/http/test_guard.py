"""The guard: another website may lead a person to a page, and can neither read nor do anything."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from ba2_trade_platform.api.http.guard import Guard
from ba2_trade_platform.api.register import create_api, register_api
from tests.platforms import make_platform, running

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


async def page(request: Request) -> Response:
    """Answer a page, or the file that it loads, with the cookie of a session."""
    kind = HTMLResponse if request.url.path == "/" else PlainTextResponse
    answer = kind("here it is")
    answer.set_cookie("session", "abc", httponly=True)
    return answer


def visitor(base_url: str = "http://127.0.0.1:8080") -> httpx.AsyncClient:
    """A browser before a guarded application."""
    routes = [Route("/", page, methods=["GET", "POST"]), Route("/file.js", page)]
    app = Starlette(routes=routes, middleware=[Middleware(Guard, host="127.0.0.1")])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=base_url)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/", NAVIGATION, 200),
        ("GET", "/", {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ("GET", "/", {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
        ("GET", "/", {}, 403),
        ("POST", "/", NAVIGATION, 403),
        ("HEAD", "/", NAVIGATION, 403),
        ("GET", "/file.js", {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "script"}, 403),
    ],
)
async def test_another_website_may_only_lead_to_a_page(
    site: str, method: str, path: str, more: dict[str, str], status: int
) -> None:
    async with visitor() as browser:
        answer = await browser.request(method, path, headers={"Sec-Fetch-Site": site, **more})
    assert answer.status_code == status


@pytest.mark.parametrize("site", ["none", "same-origin", None])
async def test_our_own_pages_and_programs_are_answered(site: str | None) -> None:
    async with visitor() as browser:
        headers = {} if site is None else {"Sec-Fetch-Site": site}
        assert (await browser.get("/file.js", headers=headers)).status_code == 200
        assert (await browser.post("/", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8080.evil.com", "127.0.0.1#evil.com", "127.0.0.1/evil.com", "127.0.0.1?evil.com",
        "evil.com@127.0.0.1", "127.0.0.1:abc", "127.0.0.1:", "127.0.0.1:8080:1", "127.0.0.1\\.evil.com",
        "[::1].evil.com", "[::1", "::1", "[127.0.0.1", "127.0.0.1 ", "localhost,evil.com", "127.0.0.1%00", "", ":8080",
    ],
)  # fmt: skip
async def test_a_name_is_ours_as_a_whole_or_not_at_all(host: str) -> None:
    async with visitor() as browser:
        assert (await browser.get("/", headers={"Host": host})).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "LOCALHOST:1", "[::1]:8080", "[::1]"])
async def test_our_own_names_are_answered_whatever_their_port(host: str) -> None:
    async with visitor() as browser:
        for scheme in ("http", "https"):  # the latter through a proxy with TLS
            headers = {"Host": host, "Origin": f"{scheme}://{host}"}
            assert (await browser.post("/", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "evil://127.0.0.1:8080",
        "//127.0.0.1:8080",
        "127.0.0.1:8080",
        "http://a@127.0.0.1:8080",
        "http://127.0.0.1:8080/x",
        "",
    ],
)
async def test_an_origin_is_ours_as_a_whole_or_not_at_all(origin: str) -> None:
    async with visitor() as browser:
        assert (await browser.post("/", headers={"Origin": origin})).status_code == 403


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Host", ("127.0.0.1:8080", "evil.com")),
        ("Origin", ("http://127.0.0.1:8080", "http://evil.com")),
        ("Sec-Fetch-Site", ("same-origin", "cross-site")),
        ("Sec-Fetch-Site", ("same-origin", "same-origin")),
        ("Content-Type", ("application/json", "text/plain")),
    ],
)
async def test_a_header_that_stands_twice_is_refused(name: str, values: tuple[str, str]) -> None:
    given = [("Host", "127.0.0.1:8080")] * (name != "Host") + [(name, value) for value in values]
    async with visitor() as browser:
        assert (await browser.post("/", headers=given)).status_code == 403


async def test_every_answer_says_what_a_browser_must_not_do_with_it() -> None:
    async with visitor() as browser:
        answers = [await browser.get("/"), await browser.get("/file.js"), await browser.get("/nothing")]
        answers.append(await browser.get("/", headers={"Host": "evil.com"}))
        answers.append(await browser.post("/", headers={"Origin": "http://evil.com"}))
        answers.append(await browser.get("/file.js", headers={"Sec-Fetch-Site": "cross-site"}))
    for answer in answers:
        says_what_a_browser_must_not_do(answer)


@pytest.mark.parametrize("path", ["/api/v1/boom", "/api/nothing", "/boom", "/healthz/x"])
async def test_errors_say_it_too(tmp_path: Path, path: str) -> None:
    def boom() -> None:
        raise RuntimeError("a fault")

    async def raise_again(_: Request, error: Exception) -> Response:
        raise error  # as the framework of the pages does

    app = FastAPI(exception_handlers={Exception: raise_again})
    app.get("/boom")(boom)
    with running(make_platform(tmp_path)) as platform:
        register_api(app, platform)
        api = create_api(platform)
        api.get("/api/v1/boom")(boom)
        for asked in (app, api):
            transport = httpx.ASGITransport(app=asked, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as browser:
                answer = await browser.get(path)
            assert answer.status_code in (404, 500)
            says_what_a_browser_must_not_do(answer)


def says_what_a_browser_must_not_do(answer: httpx.Response) -> None:
    """Look for the headers."""
    (policy,) = answer.headers.get_list("Content-Security-Policy")
    assert {"default-src 'self'", "object-src 'none'", "frame-ancestors 'self'"} <= set(policy.split("; "))
    assert "http" not in policy
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


async def test_a_cookie_goes_with_pages_only_and_behind_tls_over_tls_only() -> None:
    async with visitor() as browser:
        shown, loaded = await browser.get("/"), await browser.get("/file.js")
    assert "session=abc" in shown.headers["set-cookie"]
    assert "secure" not in shown.headers["set-cookie"].lower()
    assert "set-cookie" not in loaded.headers
    async with visitor("https://127.0.0.1:8080") as browser:
        assert "secure" in (await browser.get("/")).headers["set-cookie"].lower()
