"""Notifications: events, channels, the number of messages and their time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ba2_trade_platform.core.contracts.experts import Verdict
from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.core.worker.buffers import End
from ba2_trade_platform.vocabulary import ErrorCode, MessageState, Outcome, Signal
from tests.fakes.hook_server import HookServer, hook_server
from tests.flow.notifications.notify_desk import NotifyDesk, notify_desk
from tests.platforms import TRADER
from tests.sql import ask
from tests.stepped import failure_of, worked


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    """A webhook that takes everything."""
    with hook_server() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, hooks: HookServer) -> NotifyDesk:
    """A desk without channels."""
    return notify_desk(tmp_path, hooks)


def test_four_hundred_equal_failures_are_one_message(desk: NotifyDesk, hooks: HookServer) -> None:
    desk.channel()
    for part in range(4):
        desk.fail([f"S{part}{n}" for n in range(100)], code=ErrorCode.RATE_LIMIT, message="Slow down")
        desk.passes(10)
    assert hooks.messages == []  # it gathers for a minute
    assert desk.passes(60) == 1
    [message] = hooks.messages
    assert message["title"] == "400 analyses failed: RATE_LIMIT"
    lines = message["message"].splitlines()
    assert lines[:2] == [
        "RATE_LIMIT: Slow down",
        "400 analyses of Busy provider, first 09:00, last 09:00 UTC",
    ]
    assert lines[2] == "- S00 (Busy provider): http://127.0.0.1:8080/market_analysis/1"
    assert lines[-1] == "and 395 more: http://127.0.0.1:8080/marketanalysis?status=failed&code=RATE_LIMIT"
    assert ask(desk.desk.file, "SELECT count(*) FROM notice") == [(0,)]


def test_a_single_failure_says_what_and_where(desk: NotifyDesk, hooks: HookServer) -> None:
    desk.channel()
    desk.fail(["AAPL"], message="The key is wrong")
    desk.passes()
    desk.passes(60)
    [message] = hooks.messages
    assert message["title"] == "Analysis failed: AAPL (Busy provider)"
    assert message["message"] == "AUTH: The key is wrong\nhttp://127.0.0.1:8080/market_analysis/1"


def test_a_failure_that_is_retried_is_told_only_when_nothing_is_left_to_try(
    desk: NotifyDesk, hooks: HookServer
) -> None:
    desk.channel()
    desk.group(0)
    expert = desk.desk.expert(max_retries=1)
    analysis, worker = desk.desk.submit(expert, "AAPL"), desk.desk.worker()
    worker.fail(worker.claim(analysis), ErrorCode.RATE_LIMIT, "Slow down")
    assert desk.passes() == 0
    desk.desk.clock.advance(3600)
    worker.fail(worker.claim(analysis), ErrorCode.RATE_LIMIT, "Slow down")
    assert desk.passes() == 1


def test_whoever_stops_the_retries_makes_it_a_failure_that_is_told(desk: NotifyDesk, hooks: HookServer) -> None:
    desk.channel()
    desk.group(0)
    analysis, worker = desk.desk.submit(desk.desk.expert(max_retries=1), "AAPL"), desk.desk.worker()
    worker.fail(worker.claim(analysis), ErrorCode.RATE_LIMIT, "Slow down")
    desk.desk.platform.waiting_retries.stop(analysis, by=TRADER)
    assert desk.passes() == 1
    assert hooks.titles == ["Analysis failed: AAPL (Scripted)"]


def test_what_waits_for_a_disabled_expert_is_told_as_one_message(desk: NotifyDesk, hooks: HookServer) -> None:
    desk.channel()
    desk.group(0)
    expert = desk.desk.expert()
    for symbol in ("AAPL", "MSFT", "DELL"):
        desk.desk.submit(expert, symbol)
    desk.desk.platform.experts.update(expert, by=TRADER, enabled=False)
    desk.desk.worker().tick()
    assert desk.passes() == 1
    assert hooks.titles == ["3 analyses failed: EXPERT_UNAVAILABLE"]


def test_an_analysis_whose_worker_died_too_often_is_told(tmp_path: Path, hooks: HookServer) -> None:
    desk = notify_desk(tmp_path, hooks, max_rescues=0)
    desk.channel()
    desk.group(0)
    analysis = desk.desk.submit(desk.desk.expert(), "AAPL")
    desk.desk.worker("one").claim(analysis)
    desk.desk.worker("two").tick(boot=True)
    assert desk.passes() == 1
    assert hooks.titles == ["Analysis failed: AAPL (Scripted)"]


def test_only_confident_recommendations_of_the_chosen_expert_are_told(desk: NotifyDesk, hooks: HookServer) -> None:
    channel = desk.channel(occasions=())
    chosen, other = desk.desk.expert(alias="Chosen"), desk.desk.expert(alias="Other")
    desk.notifications.rules.create(
        channel.id, EventType.CONFIDENT, by=TRADER, min_confidence=80, expert_instance_id=chosen, group_seconds=0
    )
    worker = desk.desk.worker()
    for expert, symbol, action, confidence in (
        (chosen, "AAPL", Signal.BUY, 85),
        (chosen, "MSFT", Signal.SELL, 79),
        (chosen, "DELL", Signal.HOLD, 99),
        (other, "IBM", Signal.BUY, 99),
    ):
        claim, at = worker.claim(desk.desk.submit(expert, symbol)), desk.desk.clock.now()
        verdict = Verdict(action=action, confidence=confidence)
        worker.tick(worked(claim, at, End(Outcome.COMPLETED, at, verdict)))
    assert desk.passes() == 1
    assert hooks.titles == ["Recommendation: BUY AAPL, 85 % (Chosen)"]


def test_an_open_breaker_is_told_once(tmp_path: Path, hooks: HookServer) -> None:
    desk = notify_desk(tmp_path, hooks, breaker_failures=3)
    desk.channel(occasions=[EventType.BREAKER_OPEN])
    desk.group(0)
    expert = desk.desk.expert()
    worker = desk.desk.worker()
    for symbol in ("AAPL", "MSFT", "DELL", "IBM"):
        claim = worker.claim(desk.desk.submit(expert, symbol))
        at = desk.desk.clock.now()
        why = replace(failure_of(claim, ErrorCode.PROVIDER_DOWN, "Down"), provider="busy")
        worker.tick(worked(claim, at, End(Outcome.FAILED, at, failure=why)))
    desk.passes()
    assert [title[:48] for title in hooks.titles] == ["Provider held back: busy is held back: 3 failures"[:48]]


def test_nothing_is_written_down_while_nobody_waits_for_it(desk: NotifyDesk) -> None:
    channel = desk.channel()
    desk.notifications.channels.change(channel.id, by=TRADER, enabled=False)
    desk.fail(["AAPL"])
    assert ask(desk.desk.file, "SELECT count(*) FROM notice") == [(0,)]


def test_a_flood_of_different_failures_is_a_few_messages_and_one_that_counts_the_rest(
    tmp_path: Path, hooks: HookServer
) -> None:
    desk = notify_desk(tmp_path, hooks, notifications_per_hour=3)
    desk.channel(occasions=[EventType.FAILED, EventType.RUN_MISSED])
    desk.group(0)
    for number in range(10):
        desk.happens(EventType.FAILED, f"fingerprint {number}")
        desk.passes(1)
    desk.happens(EventType.RUN_MISSED, "schedule 1")  # urgent: a flood of failures does not crowd it out
    desk.passes()
    assert len(hooks.messages) == 4
    assert hooks.titles[-1] == "Run missed: About schedule 1"
    desk.passes(3600)
    assert hooks.titles[-1] == "7 more events"
    assert "7 analyses failed" in hooks.messages[-1]["message"]
    desk.happens(EventType.FAILED, "fingerprint 99")
    assert desk.passes() == 1  # the hour is over


@pytest.mark.parametrize(
    ("zone", "begins", "now", "until"),
    [
        ("Europe/Berlin", "22:00", datetime(2026, 6, 1, 22, 30, tzinfo=UTC), datetime(2026, 6, 2, 5, 0, tzinfo=UTC)),
        # The night that is an hour shorter, and the one that is an hour longer.
        ("Europe/Berlin", "22:00", datetime(2026, 3, 28, 22, 0, tzinfo=UTC), datetime(2026, 3, 29, 5, 0, tzinfo=UTC)),
        ("Europe/Berlin", "22:00", datetime(2026, 10, 24, 22, 0, tzinfo=UTC), datetime(2026, 10, 25, 6, 0, tzinfo=UTC)),
    ],
)
def test_quiet_hours_hold_messages_back_until_they_are_over(
    desk: NotifyDesk, hooks: HookServer, zone: str, begins: str, now: datetime, until: datetime
) -> None:
    desk.desk.clock.advance((now - desk.desk.clock.now()).total_seconds())
    desk.channel(
        occasions=[EventType.FAILED, EventType.BREAKER_OPEN], quiet_from=begins, quiet_until="07:00", zone=zone
    )
    desk.group(0)
    desk.happens(EventType.FAILED, "night")
    desk.happens(EventType.BREAKER_OPEN, "busy")
    assert desk.passes() == 1
    assert hooks.titles == ["Provider held back: About busy"]  # urgent
    [waiting] = desk.notifications.messages.list(MessageState.WAITING)
    assert waiting.due_at == until
    desk.happens(EventType.FAILED, "night")
    assert desk.passes((until - now).total_seconds() - 1) == 0
    assert desk.passes(1) == 1
    assert hooks.titles[-1] == "2 analyses failed"


def test_what_a_market_or_a_model_says_stays_text(desk: NotifyDesk, hooks: HookServer) -> None:
    desk.channel()
    desk.group(0)
    desk.fail(["AAPL"], message="@everyone <!channel> look\x00 here\nFrom: desk\u202e" + "x" * 5_000)
    desk.passes()
    said = hooks.messages[0]["message"]
    assert said.startswith("AUTH: @ everyone < !channel> look here From: deskx")
    assert len(said) < 800
    assert said.count("\n") == 1


def test_a_flood_of_urgent_events_is_bounded_too(tmp_path: Path, hooks: HookServer) -> None:
    desk = notify_desk(tmp_path, hooks, notifications_per_hour=2)
    desk.channel(occasions=[EventType.RUN_MISSED])
    desk.group(0)
    for number in range(5):
        desk.happens(EventType.RUN_MISSED, f"schedule {number}")
        desk.passes(1)
    assert len(hooks.messages) == 2
