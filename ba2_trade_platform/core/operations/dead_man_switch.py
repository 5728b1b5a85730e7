"""Dead man's switch: pings a foreign server while the console can work; its silence wakes a person."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from ba2_trade_platform.core.base.access import needs
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.app_settings import read_setting, write_setting
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.change_feed import Change, Topic
from ba2_trade_platform.core.base.encryption import SecretBox, SecretLostError
from ba2_trade_platform.core.base.errors import Impossible, Invalid, Refused, Unavailable
from ba2_trade_platform.core.base.outbound import ANYWHERE, OutboundRule, outbound
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.events.alert_events import AlertEvent, raise_alert, resolve_alert

log = logging.getLogger(__name__)
SETTING = "heartbeat"
JOB = "heartbeat"
EVERY_SECONDS, SHORTEST, LONGEST = 60, 5, 86_400
TIMEOUT_SECONDS = 10.0
MOST_REDIRECTS = 5
FAILURES_TO_ALERT = 3
ALERT_KEY = "heartbeat"
NOT_SET = "No heartbeat URL is set: nobody outside hears of it when this machine dies"


@dataclass(frozen=True)
class Ping:
    """The last try: `error` is empty when the server took it."""

    at: datetime
    error: str | None = None


@dataclass(frozen=True)
class DeadManSwitchState:
    """How the switch stands; `host` is all that is ever shown of its URL."""

    host: str | None
    every_seconds: int
    tell_failure: bool
    last: Ping | None
    last_good_at: datetime | None
    failures: int

    @property
    def sentence(self) -> str:
        """Say how it stands."""
        if self.host is None:
            return NOT_SET
        if self.last is None:
            return f"{self.host} is pinged every {self.every_seconds} s while the console can work; not yet"
        if self.last.error:
            return f"{self.host} is not reached: {self.last.error}"
        return f"{self.host} is pinged every {self.every_seconds} s while the console can work"


class DeadManSwitch:
    """Keeps the URL encrypted and pings it; a ping that fails is shown and alarmed once, and never stops anything."""

    def __init__(
        self,
        store: Store,
        box: SecretBox,
        jobs: BackgroundJobs,
        obstacles: Callable[[], Sequence[str]],
        rule: OutboundRule = ANYWHERE,
    ) -> None:
        self._store = store
        self.check_permission = store.check_permission
        self._box = box
        self._jobs = jobs
        self._obstacles = obstacles
        self._rule = rule
        self._turn = threading.Lock()
        self._last: Ping | None = None
        self._last_good_at: datetime | None = None
        self._failures = 0
        self._alarmed = False

    def start(self) -> None:
        """Begin to ping, where a URL is set."""
        kept = self._kept()
        if kept:
            self._jobs.every(float(kept["every_seconds"]), JOB, self.beat, first_seconds=1)

    @property
    def state(self) -> DeadManSwitchState:
        """How the switch stands."""
        kept = self._kept()
        return DeadManSwitchState(
            host=kept.get("host"),
            every_seconds=int(kept.get("every_seconds", EVERY_SECONDS)),
            tell_failure=bool(kept.get("tell_failure", False)),
            last=self._last,
            last_good_at=self._last_good_at,
            failures=self._failures,
        )

    def change(
        self, url: str | None, *, by: Actor, every_seconds: int = EVERY_SECONDS, tell_failure: bool = False
    ) -> DeadManSwitchState:
        """Ping this URL from now on, None for none; with `tell_failure` its `/fail` too, when the console cannot work.

        Raises Invalid for what cannot be pinged, Unavailable when the key file cannot be made.
        """
        if not SHORTEST <= every_seconds <= LONGEST:
            raise Invalid(f"A heartbeat comes every {SHORTEST} to {LONGEST:,} seconds, not {every_seconds:,}")
        kept: dict[str, Any] | None = None
        if url:
            host = _host_of(url)
            try:
                encrypted = self._box.encrypt(url).decode()
            except OSError as error:
                raise Unavailable(f"The key file cannot be written: {error.strerror}") from error
            kept = {"url": encrypted, "host": host, "every_seconds": every_seconds, "tell_failure": tell_failure}
        with self._store.command(by, Action.CHANGE, Subject.DEAD_MAN_SWITCH) as command:
            write_setting(command.session, SETTING, kept, command.actor_id, command.now)
            after = f"{kept['host']} every {every_seconds} s" if kept else "none"
            command.record(after=after)
            resolve_alert(command, ALERT_KEY, command.now)
        log.info("%s changed the heartbeat to %s", by, after)
        self._last, self._last_good_at, self._failures, self._alarmed = None, None, 0, False
        self._jobs.forget(JOB)
        self.start()
        return self.state

    @needs(Action.TEST, Subject.DEAD_MAN_SWITCH)
    def test(self, *, by: Actor) -> DeadManSwitchState:
        """Ping now and return how it went; raises Refused when no URL is set."""
        if not self._kept():
            raise Refused(NOT_SET, code="NO_HEARTBEAT")
        self.beat()
        log.info("%s tested the heartbeat: %s", by, self.state.sentence)
        return self.state

    def beat(self) -> None:
        """Ping while the console can work; when it cannot, say so at `/fail`, or be silent. Never raises."""
        with self._turn:
            try:
                kept, reasons = self._kept(), self._obstacles()
                if kept and (kept["tell_failure"] or not reasons):
                    self._note(self._ping(kept["url"].encode(), "; ".join(reasons) or None))
                elif kept:
                    log.warning("No heartbeat was sent, for the console cannot work: %s", "; ".join(reasons))
            except Unavailable as error:
                log.warning("No heartbeat was sent or written down: %s", error)

    def _ping(self, encrypted: bytes, failure: str | None) -> str | None:
        """Ping, or report `failure` at the URL's `/fail`; return what went wrong, without the URL: it is a secret."""
        with outbound(self._rule) as connections:
            wrong = self._ask(encrypted, failure)
        return connections.refusal or wrong

    def _ask(self, encrypted: bytes, failure: str | None) -> str | None:
        method = "GET"
        try:
            target = httpx.URL(self._box.decrypt(encrypted))
            if failure is not None:
                method, target = "POST", target.copy_with(path=f"{target.path.rstrip('/')}/fail")
            with httpx.Client(timeout=TIMEOUT_SECONDS) as client:
                return _answer(client, client.build_request(method, target, content=failure))
        except SecretLostError as error:
            return f"its URL cannot be read: {error}"
        except httpx.TimeoutException:
            return f"no answer within {TIMEOUT_SECONDS:.0f} s"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            # Some hosts are found wrong only here.
            return f"{type(error).__name__}, is the network there?"

    def _note(self, error: str | None) -> None:
        now, before = self._store.clock.now(), self._last
        self._last = Ping(now, error)
        self._failures = self._failures + 1 if error else 0
        if error is None:
            self._last_good_at = now
        if (error is None) != (before is None or before.error is None):
            log.log(logging.WARNING if error else logging.INFO, "%s", self.state.sentence)
            self._store.feed.publish(Change(frozenset({Topic.OPERATIONS})))
        if bool(error) != self._alarmed and (not error or self._failures >= FAILURES_TO_ALERT):
            sentence = f"The heartbeat fails, {FAILURES_TO_ALERT} times in a row: {self.state.sentence}"
            with self._store.write() as transaction:
                if error:
                    raise_alert(transaction, AlertEvent("heartbeat", ALERT_KEY, sentence, "/health#heartbeat"), now)
                else:
                    resolve_alert(transaction, ALERT_KEY, now)
            self._alarmed = bool(error)  # only now: what the database could not take is said the next time

    def _kept(self) -> dict[str, Any]:
        with self._store.read() as session:
            return dict(read_setting(session, SETTING) or {})


def _answer(client: httpx.Client, request: httpx.Request) -> str | None:
    """Return what is wrong with what a server answers; it may send on to another place of its own, and to nobody else.

    What it says is not read: a server may go on saying it for ever.
    """
    for _ in range(MOST_REDIRECTS):
        answer = client.send(request, stream=True)
        answer.close()
        following = answer.next_request
        if following is None:
            return None if answer.is_success else f"it answered {answer.status_code}"
        if following.url.host != request.url.host:
            return f"it sends on to {following.url.host[:80]}: enter the URL there"
        request = following
    return f"it sent on {MOST_REDIRECTS} times"


def _host_of(url: str) -> str:
    if not url.lower().startswith(("http://", "https://")):
        raise Invalid("A heartbeat URL begins with https:// or http://", code="INVALID_URL")
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise Impossible("This is no URL", code="INVALID_URL") from error
    if not parsed.host:
        raise Impossible("A heartbeat URL names a host", code="INVALID_URL")
    return parsed.host
