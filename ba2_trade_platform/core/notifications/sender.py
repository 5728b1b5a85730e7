"""Sender: delivers messages through Apprise, and keeps the address's secrets out of every error."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

from ba2_trade_platform.core.base.errors import Impossible, Invalid
from ba2_trade_platform.core.base.outbound import ANYWHERE, OutboundRule, outbound
from ba2_trade_platform.core.notifications.addresses import check_address
from ba2_trade_platform.core.notifications.rendering import Text, to_text

log = logging.getLogger(__name__)
SECONDS = 15.0
LOOK_SECONDS = 0.1
MIN_SECRET = 4
MOST_HUNG = 8
EXAMPLES = (
    ("Mail", "mailtos://USER:PASSWORD@example.com?smtp=mail.example.com&to=desk@example.com"),
    ("Telegram", "tgram://BOT_TOKEN/CHAT_ID"),
    ("Slack", "slack://TOKEN_A/TOKEN_B/TOKEN_C/#desk"),
    ("Discord", "discord://WEBHOOK_ID/WEBHOOK_TOKEN"),
    ("Push (ntfy)", "ntfys://ntfy.sh/MY_TOPIC"),
    ("Webhook", "json://HOST:8080/path, or jsons:// for https"),
)
LOOSENED = "This address changes how the console connects: take out what is said there of certificates and redirects"
_BAD = ("WARNING", "ERROR", "CRITICAL")
# What Apprise says at lower levels of why it could not; never the body of an answer, which may be of another machine.
_TELLING = ("Socket Exception", "Connection Exception", "SMTP Exception")


@dataclass(frozen=True)
class Delivery:
    """Whether a service took a message, and what it said."""

    ok: bool
    sentence: str


class Sender(Protocol):
    """Sends messages to addresses."""

    def hint(self, url: str) -> str:
        """Return what may be shown of an address. Raises Invalid, with a sentence, for one that cannot be used."""

    def send(self, url: str, text: Text) -> Delivery:
        """Send one message and say what came of it; never raises, and ends within its time-out."""

    def close(self) -> None:
        """Wait for no answer any more."""


class AppriseSender:
    """Sends by Apprise, which is imported when it is first needed."""

    def __init__(
        self, seconds: float = SECONDS, *, rule: OutboundRule = ANYWHERE, services: Collection[str] = ()
    ) -> None:
        self._seconds = seconds
        self._rule = rule
        self._services = services
        self._closed = threading.Event()
        self._hung: list[threading.Thread] = []
        self._lock = threading.Lock()

    def hint(self, url: str) -> str:
        """Return the service, and its host where that is no secret: some keep a token in its place."""
        check_address(url, self._services)
        service = _service(url)
        if service is None:
            raise Impossible(
                "Apprise cannot use this address: it does not know the service before ://, it cannot run here, "
                "or a part is missing or malformed"
            )
        if not _keeps_to_ours(service):
            raise Impossible(LOOSENED, code="CHANNEL_SETTING")
        scheme = url.partition("://")[0].lower()
        return f"{service.service_name} ({scheme}://{_shown_host(service) or '...'})"

    def send(self, url: str, text: Text) -> Delivery:
        """Send it on a thread that does not outlive the console, for a service may drip its answer for ever."""
        with self._lock:
            self._hung = [each for each in self._hung if each.is_alive()]
            if len(self._hung) >= MOST_HUNG:
                return Delivery(False, f"{MOST_HUNG} earlier messages are still without an answer")
        box: list[Delivery] = []
        thread = threading.Thread(target=lambda: box.append(self._deliver(url, text)), name="notify", daemon=True)
        thread.start()
        deadline = time.monotonic() + self._seconds
        while thread.is_alive() and time.monotonic() < deadline and not self._closed.is_set():
            thread.join(min(LOOK_SECONDS, self._seconds))
        if box:
            return box[0]
        with self._lock:
            self._hung.append(thread)
        if self._closed.is_set():
            return Delivery(False, "The console was stopped before there was an answer")
        return Delivery(False, f"There was no answer within {self._seconds:g} s")

    def _deliver(self, url: str, text: Text) -> Delivery:
        try:
            check_address(url, self._services)  # one that was stored before it was forbidden
        except Invalid as error:
            return Delivery(False, str(error))
        with outbound(self._rule) as connections:
            delivery = _send(url, text)
        return Delivery(False, connections.refusal) if connections.refusal and not delivery.ok else delivery

    def close(self) -> None:
        """Wait for no answer any more, so that a dead service does not hold up the console's end."""
        self._closed.set()


def _send(url: str, text: Text) -> Delivery:
    try:
        apprise = _apprise()
        service = _service(url)  # as one address, whatever it looks like
        if service is None:
            return Delivery(False, "Apprise cannot use this address any more: enter it again")
        if not _keeps_to_ours(service):
            return Delivery(False, LOOSENED)
        way = apprise.Apprise(service, asset=service.asset)
        result = way.notify(body=text.body, title=text.title, body_format="text", log_level=logging.DEBUG)
        if result:
            return Delivery(True, "Sent")
        said = [each.message for each in result.logs() if each.level in _BAD or each.message.startswith(_TELLING)]
        return Delivery(False, _without_secrets(url, " ".join(dict.fromkeys(said))) or "The service did not take it")
    except Exception as error:  # noqa: BLE001 - what a service's plug-in raises must not end those of other channels
        return Delivery(False, _without_secrets(url, f"{type(error).__name__}: {error}"))


def _service(url: str) -> Any:
    apprise = _apprise()
    try:
        asset = apprise.AppriseAsset(
            app_id="BA2 Trade Platform", app_desc="BA2 Trade Platform", app_url="", http_redirects=False
        )
        return apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    except Exception:  # noqa: BLE001 - whatever a plug-in makes of a malformed address, it is one
        return None


def _keeps_to_ours(service: Any) -> bool:
    """Tell what Apprise made of an address, for however a parameter is spelled, this is what it will do."""
    usual = type(service)
    return (
        service.verify_certificate is True
        and service.redirects is False
        and service.socket_read_timeout == usual.socket_read_timeout
        and service.socket_connect_timeout == usual.socket_connect_timeout
    )


def _apprise() -> Any:
    # Its lines say addresses, and those of the library below it say paths: both hold tokens.
    logging.getLogger("apprise").propagate = False
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    import apprise  # noqa: PLC0415 - half a second to import, and few consoles notify

    return apprise


def _shown_host(service: Any) -> str | None:
    templates = getattr(service, "templates", ())
    if not templates or not all("{host}" in template for template in templates):
        return None
    port = f":{service.port}" if getattr(service, "port", None) else ""
    return f"{service.host}{port}"[:100] if getattr(service, "host", None) else None


def _without_secrets(url: str, words: str) -> str:
    """Return what a service said without any part of its address but a host that may be shown."""
    service = _service(url)
    shown = _shown_host(service) if service is not None else None
    raw = re.split(r"[/?&=@#,;]+", url.partition("://")[2])
    parts = {part for each in raw for part in (each, unquote(each), *each.split(":")) if len(part) >= MIN_SECRET}
    for part in sorted(parts, key=len, reverse=True):
        if shown is None or part not in (shown, service.host, str(service.port)):
            words = words.replace(part, "***")
    return to_text(words, 500)
