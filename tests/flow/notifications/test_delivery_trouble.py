"""Delivery trouble: a message is tried again, given up and shown, and other channels are not delayed."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.core.base.errors import Invalid, NotFound, Refused
from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.core.notifications.dispatcher import AGAIN_SECONDS, MAX_TRIES
from ba2_trade_platform.core.notifications.rendering import Text
from ba2_trade_platform.core.notifications.sender import MOST_HUNG, AppriseSender
from ba2_trade_platform.vocabulary import MessageState
from tests.fakes.hook_server import Answer, HookServer, hook_server
from tests.flow.notifications.notify_desk import NotifyDesk, notify_desk
from tests.patience import CONSOLE_SECONDS
from tests.platforms import TRADER, drain, make_platform, practice, row, running, submit
from tests.sql import ask

SECRET = "T0PS3CRET-t0ken"  # noqa: S105 - of a webhook that is ours


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    """A webhook that takes everything."""
    with hook_server() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, hooks: HookServer) -> NotifyDesk:
    """A desk without channels."""
    return notify_desk(tmp_path, hooks)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that reaches a console's log, at its most talkative."""
    written = io.StringIO()
    handler, root = logging.StreamHandler(written), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    root.removeHandler(handler)


def test_a_message_is_tried_again_until_the_service_takes_it(desk: NotifyDesk, hooks: HookServer) -> None:
    channel = desk.channel()
    desk.group(0)
    hooks.answers += [500, 503]
    desk.happens(EventType.FAILED, "one")
    assert desk.passes() == 0
    [message] = desk.messages
    assert (message.state, message.tries) == (MessageState.WAITING, 1)
    assert "500" in str(message.error)
    assert "500" in str(desk.notifications.channels.get(channel.id).last_error)
    assert desk.passes(AGAIN_SECONDS[0] - 1) == 0
    assert len(hooks.paths) == 1
    assert desk.passes(1) == 0
    assert desk.passes(AGAIN_SECONDS[1]) == 1
    assert desk.messages[0].state is MessageState.SENT
    assert desk.notifications.channels.get(channel.id).last_error is None


def test_what_is_given_up_stays_with_its_error_raises_an_alert_and_can_be_sent_again(
    desk: NotifyDesk, hooks: HookServer
) -> None:
    desk.channel(occasions=[EventType.FAILED, EventType.ALERT])
    desk.group(0)
    hooks.answers += [500] * MAX_TRIES
    desk.happens(EventType.FAILED, "one")
    for seconds in (0, *AGAIN_SECONDS):
        desk.passes(seconds)
    [message] = desk.messages  # and none that tells the failing channel that it fails
    assert (message.state, message.tries) == (MessageState.FAILED, MAX_TRIES)
    assert ask(desk.desk.file, "SELECT kind, link, seen FROM alert") == [("notification_failed", "/notifications", 1)]
    assert len(desk.notifications.messages.list(MessageState.FAILED)) == 1
    desk.notifications.messages.retry(message.id, by=TRADER)
    assert desk.passes() == 1
    assert ask(desk.desk.file, "SELECT count(*) FROM alert WHERE ended_at IS NOT NULL") == [(1,)]
    with pytest.raises(Refused, match="Only failed messages are sent again"):
        desk.notifications.messages.retry(message.id, by=TRADER)


def test_a_channel_that_is_down_holds_up_no_other_one(tmp_path: Path, hooks: HookServer) -> None:
    desk = notify_desk(tmp_path, hooks, seconds=0.3)
    desk.channel("Down", url="json://127.0.0.1:1/nobody")
    desk.channel("Up")
    desk.group(0)
    for number in range(5):
        desk.happens(EventType.FAILED, f"number {number}")
    assert desk.passes() == 5
    down = [message for message in desk.messages if message.channel == "Down"]
    assert sorted(message.tries for message in down) == [0, 0, 0, 0, 1]
    assert desk.passes(AGAIN_SECONDS[0]) == 0
    assert sorted(message.tries for message in desk.messages if message.channel == "Down") == [0, 0, 0, 1, 1]


def test_a_service_that_does_not_answer_costs_its_time_out_and_no_more(tmp_path: Path, hooks: HookServer) -> None:
    desk = notify_desk(tmp_path, hooks, seconds=0.3)
    channel = desk.channel()
    hooks.hold.clear()
    tested = desk.notifications.channels.test(channel.id, by=TRADER)
    assert (tested.ok, tested.sentence) == (False, "Hook: There was no answer within 0.3 s")
    assert hooks.paths == [], "the service has still not answered"


def test_a_service_that_never_answers_does_not_gather_threads(tmp_path: Path, hooks: HookServer) -> None:
    desk = notify_desk(tmp_path, hooks, seconds=0.05)
    channel = desk.channel()
    hooks.hold.clear()
    said = [desk.notifications.channels.test(channel.id, by=TRADER).sentence for _ in range(MOST_HUNG + 4)]
    assert "There was no answer within 0.05 s" in said[0]
    assert "8 earlier messages are still without an answer" in said[-1]
    hanging = [each for each in threading.enumerate() if each.name == "notify"]
    assert len(hanging) <= MOST_HUNG
    hooks.hold.set()


def test_a_test_says_at_once_what_the_service_said(desk: NotifyDesk, hooks: HookServer) -> None:
    channel = desk.channel(quiet_from="00:00", quiet_until="23:59")
    assert desk.notifications.channels.test(channel.id, by=TRADER).sentence == "Hook took the test message"
    hooks.answers.append(403)
    tested = desk.notifications.channels.test(channel.id, by=TRADER)
    assert not tested.ok
    assert "403" in tested.sentence
    assert hooks.titles == ["Test of BA2 Trade Platform"]


def test_an_address_is_found_nowhere_once_it_was_entered(
    desk: NotifyDesk, hooks: HookServer, logged: io.StringIO, tmp_path: Path
) -> None:
    desk.channel(url=f"json://desk:{SECRET}@127.0.0.1:{hooks.port}/{SECRET}?x={SECRET}")
    desk.channel("Down", url=f"json://desk:{SECRET}@127.0.0.1:1/{SECRET}")
    desk.channel("Telegram", url=f"tgram://123456789:{SECRET}/12315544", occasions=())
    desk.group(0)
    hooks.answers.append(401)
    desk.happens(EventType.FAILED, "one")
    desk.passes()
    for channel in desk.notifications.channels.list()[:2]:
        desk.notifications.channels.test(channel.id, by=TRADER)
    shown = [repr(desk.notifications.channels.list()), repr(desk.messages), logged.getvalue()]
    desk.channel("Push", url="ntfy://my-secret-topic", occasions=())
    hints = {channel.name: channel.hint for channel in desk.notifications.channels.list()}
    assert hints["Hook"] == f"JSON (json://127.0.0.1:{hooks.port})"
    assert hints["Push"] == "ntfy (ntfy://...)"
    assert hints["Telegram"] == "Telegram (tgram://...)"  # its token stands where others have a host
    desk.desk.close()
    files = [file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file()]
    assert "not sent to Down" in shown[2]
    assert not [text for text in (*shown, *files) if SECRET in text]


def test_of_an_answer_nothing_is_shown_that_is_not_the_services(desk: NotifyDesk, hooks: HookServer) -> None:
    channel = desk.channel()
    hooks.answers.append(Answer(500, body=b"root:x:0:0: a page of another machine"))
    said = desk.notifications.channels.test(channel.id, by=TRADER).sentence
    assert "500" in said
    assert "root" not in said


def test_a_message_is_not_sent_on_to_another_host(desk: NotifyDesk, hooks: HookServer) -> None:
    channel = desk.channel()
    hooks.answers.append(Answer(307, location=f"http://localhost:{hooks.port}/elsewhere"))
    assert not desk.notifications.channels.test(channel.id, by=TRADER).ok
    assert hooks.paths == ["/hook"]


@pytest.mark.parametrize(
    "parameter", ["redirect+=yes", "redirect%20=yes", "verify=disabled", "verify+=no", "rto=100000", "cto+=1"]
)
def test_no_spelling_has_a_message_sent_on(desk: NotifyDesk, hooks: HookServer, parameter: str) -> None:
    hooks.answers.append(Answer(307, location=f"http://localhost:{hooks.port}/elsewhere"))
    with pytest.raises(Invalid, match="take"):
        desk.channel(path=f"hook?{parameter}")
    stored_earlier = AppriseSender().send(hooks.url(f"hook?{parameter}"), Text("Title", "Body"))
    assert not stored_earlier.ok
    assert hooks.paths == []


def test_two_addresses_in_one_are_none(desk: NotifyDesk, hooks: HookServer) -> None:
    channel = desk.channel(url=f"{hooks.url()},{hooks.url('other')}")
    desk.notifications.channels.test(channel.id, by=TRADER)
    assert "/other" not in hooks.paths


def test_a_console_that_others_reach_sends_into_no_private_network(tmp_path: Path, hooks: HookServer) -> None:
    desk = notify_desk(tmp_path, hooks, host="0.0.0.0")  # noqa: S104 - nobody connects to it
    channel = desk.channel()
    tested = desk.notifications.channels.test(channel.id, by=TRADER)
    assert "127.0.0.1 is in a private network: BA2_OUTBOUND_PRIVATE=1" in tested.sentence
    assert hooks.paths == []


def test_an_address_that_was_stored_before_it_was_forbidden_is_not_used(tmp_path: Path, hooks: HookServer) -> None:
    allowed = notify_desk(tmp_path, hooks, channel_services="xml")
    channel = allowed.channel(url="xml://127.0.0.1/hook")
    allowed.desk.close()
    desk = notify_desk(tmp_path, hooks)
    assert "An address of xml:// is not taken" in desk.notifications.channels.test(channel.id, by=TRADER).sentence


@pytest.mark.parametrize("url", ["", "nonsense", "foo://bar/baz", "mailto://", "json://a b", "json://" + "x" * 3000])
def test_an_address_that_cannot_be_used_is_refused_with_a_sentence(desk: NotifyDesk, url: str) -> None:
    with pytest.raises(Invalid, match="address"):
        desk.channel(url=url)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"quiet_from": "22:00"}, "both a start and an end"),
        ({"quiet_from": "22:00", "quiet_until": "7"}, "no time of day"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "would never end"),
        ({"zone": "Mars/Olympus"}, "no time zone"),
    ],
)
def test_quiet_hours_that_make_no_sense_are_refused(desk: NotifyDesk, values: dict[str, str], sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        desk.channel(**values)


def test_two_who_change_a_channel_at_once_are_told(desk: NotifyDesk) -> None:
    channels, made = desk.notifications.channels, desk.channel()
    channels.change(made.id, by=TRADER, version=made.version, name="Night desk")
    with pytest.raises(Refused, match="Night desk was changed meanwhile"):
        channels.change(made.id, by=TRADER, version=made.version, enabled=False)
    with pytest.raises(Refused, match="already is a channel Night desk"):
        desk.channel("Night desk")


def test_a_channel_that_is_removed_takes_its_rules_and_messages_with_it(desk: NotifyDesk) -> None:
    channel = desk.channel()
    desk.happens(EventType.FAILED, "one")
    desk.passes()
    desk.notifications.channels.remove(channel.id, by=TRADER)
    assert (desk.messages, desk.notifications.rules.list(), desk.passes(60)) == ([], [], 0)
    with pytest.raises(NotFound):
        desk.notifications.channels.test(channel.id, by=TRADER)


def test_a_lost_key_is_said_and_the_message_kept(desk: NotifyDesk, tmp_path: Path) -> None:
    desk.channel()
    desk.group(0)
    (tmp_path / "secret.key").unlink()
    desk.happens(EventType.FAILED, "one")
    assert desk.passes() == 0
    assert "enter it again" in str(desk.messages[0].error)


def test_a_start_and_a_quiet_desk_import_no_apprise(tmp_path: Path) -> None:
    look = (
        "import sys, pathlib; from tests.platforms import make_platform, running\n"
        f"console = make_platform(pathlib.Path({str(tmp_path)!r}))\n"
        "with running(console): console.notifications.dispatcher.run()\n"
        "sys.exit('apprise' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


def test_a_kill_between_sending_and_writing_it_down_sends_it_again_and_loses_nothing(
    desk: NotifyDesk, hooks: HookServer, tmp_path: Path
) -> None:
    desk.channel()
    desk.group(0)
    desk.happens(EventType.FAILED, "one")
    desk.desk.die()
    hooks.hold.clear()
    sends = (
        "import pathlib; from tests.flow.notifications.notify_desk import notify_desk\n"
        f"notify_desk(pathlib.Path({str(tmp_path)!r}), None, seconds=60).notifications.dispatcher.run()"
    )
    process = subprocess.Popen([sys.executable, "-c", sends])
    assert hooks.reached.wait(CONSOLE_SECONDS)
    process.kill()
    process.wait()
    hooks.hold.set()
    assert ask(desk.desk.file, "SELECT count(*) FROM notice") == [(0,)]
    assert desk.messages[0].state is MessageState.WAITING
    assert desk.passes() == 1
    assert desk.messages[0].state is MessageState.SENT
    assert hooks.titles[-1] == "Analysis failed: About one"
    assert len(hooks.paths) == 2


def test_a_dead_service_fails_no_analysis_and_does_not_hold_up_the_end(tmp_path: Path, hooks: HookServer) -> None:
    platform = make_platform(tmp_path)
    parts = platform.notifications
    channel = parts.channels.create("Hook", hooks.url(), by=TRADER)
    parts.rules.create(channel.id, EventType.FAILED, by=TRADER, group_seconds=0)
    hooks.hold.clear()
    with running(platform):
        expert = practice(platform, fail_with="AUTH", fail_times=-1)
        failed = [submit(platform, expert, symbol) for symbol in ("AAPL", "MSFT")]
        drain(platform)
        assert hooks.reached.wait(CONSOLE_SECONDS)  # the console's own clockwork sends, and gets no answer
        assert [row(platform, analysis).status for analysis in failed] == ["failed", "failed"]
    assert hooks.paths == [], "the console has stopped, and the service has still not answered"
    assert ask(tmp_path / "ba2.db", "SELECT state FROM notification") == [("waiting",)]


def test_what_waits_for_a_channel_that_is_switched_off_is_not_sent_later(desk: NotifyDesk, hooks: HookServer) -> None:
    channel = desk.channel()
    desk.happens(EventType.FAILED, "one")
    desk.passes()
    desk.notifications.channels.change(channel.id, by=TRADER, enabled=False)
    assert (desk.messages[0].state, desk.messages[0].error) == (MessageState.FAILED, "The channel was switched off")
    desk.notifications.channels.change(channel.id, by=TRADER, enabled=True)
    assert desk.passes(3600) == 0
