"""Sockets: a page's buttons are pressed by its own browser alone, although others know the id of the page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import socketio
from nicegui import core
from playwright.sync_api import Page, expect

from ba2_trade_platform.ui.kit.socket_guard import KNOWN
from tests.browser.consoles import ConsoleProcess
from tests.patience import EVENT_SECONDS

Open = Callable[..., Page]
PATH = "/_nicegui_ws/socket.io"


def test_the_framework_has_no_event_that_nobody_has_looked_at() -> None:
    assert set(core.sio.handlers["/"]) == set(KNOWN)


def pressed_by_a_stranger(console: ConsoleProcess, client_id: str, message: dict[str, Any]) -> bool:
    """Open a socket without the page's cookie and send what its browser would send; return whether it was taken."""

    async def press() -> bool:
        client = socketio.AsyncClient(reconnection=False)
        await client.connect(console.url, socketio_path=PATH, transports=["websocket"])
        shaken = await client.call(
            "handshake",
            {"client_id": client_id, "tab_id": "a", "document_id": "b", "next_message_id": 0},
            timeout=EVENT_SECONDS,
        )
        await client.call("event", message, timeout=EVENT_SECONDS)
        await client.disconnect()
        return bool(shaken)

    return asyncio.run(press())


def test_who_knows_a_pages_id_cannot_press_its_buttons(console: ConsoleProcess, open_page: Open) -> None:
    page = open_page(f"{console.url}/marketanalysis")
    sent: list[str] = []
    page.on("websocket", lambda web_socket: web_socket.on("framesent", lambda frame: sent.append(str(frame))))
    page.reload()
    page.get_by_role("button", name="Pause the queue").click()
    expect(page.get_by_text("The queue is paused by trader")).to_be_visible()
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.get_by_text("The queue is paused by trader")).to_be_hidden()
    client_id = page.evaluate("window.clientId")
    assert not pressed_in_a_thread(console, client_id, listener_of(sent))
    assert "Another browser asked for the page" in console.log.read_text()
    assert "spoke for a page that is not its own" in console.log.read_text()
    assert console.api.get("/queue").json()["paused"] is False


def test_who_knows_a_pages_id_cannot_upload_to_it(console: ConsoleProcess, open_page: Open) -> None:
    page = open_page(f"{console.url}/watchlists")
    page.get_by_role("button", name="Import", exact=True).click()
    file = {"name": "l.csv", "mimeType": "text/csv", "buffer": b"symbol,watchlist\nAAPL,Tech\n"}
    with page.expect_request(lambda request: "/upload/" in request.url) as asked:
        page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]  # Playwright's payload
    expect(page.get_by_text("1 to be added")).to_be_visible()
    forged = {"file": ("l.csv", b"symbol,watchlist\nMSFT,Forged\nIBM,Forged\n", "text/csv")}
    elsewhere = httpx.Client()
    elsewhere.get(f"{console.url}/watchlists")
    for stranger in (httpx.Client(), elsewhere):  # without a cookie, and with that of another browser
        assert stranger.post(asked.value.url, files=forged).status_code == 403
    assert httpx.post(f"{console.url}/_nicegui/client/no-such-page/upload/1", files=forged).status_code == 403
    expect(page.get_by_text("1 to be added")).to_be_visible()
    assert "Another browser sent something to the page" in console.log.read_text()


def listener_of(sent: list[str]) -> dict[str, Any]:
    """Return the message by which the browser pressed Pause."""
    frame = next(frame for frame in sent if '"event"' in frame and "listener_id" in frame)
    message: dict[str, Any] = json.loads(frame[frame.index("[") :])[1]
    return message


def pressed_in_a_thread(console: ConsoleProcess, client_id: str, message: dict[str, Any]) -> bool:
    """Do it beside Playwright, whose loop runs in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(pressed_by_a_stranger, console, client_id, message).result()


def test_there_is_no_second_way_in_by_long_polling(console: ConsoleProcess) -> None:
    answer = httpx.get(f"{console.url}{PATH}/?EIO=4&transport=polling")
    assert answer.status_code == 400
