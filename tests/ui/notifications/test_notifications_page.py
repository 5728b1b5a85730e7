"""The Notifications page: channels, rules and messages, as a simulated user sees them."""

from __future__ import annotations

from nicegui.testing import User

from ba2_trade_platform.core.events.outbox import EventType, OutboxEvent, record_events
from ba2_trade_platform.ui.kit.desk import Desk
from tests.eventually import eventually
from tests.fakes.hook_server import HookServer, hook_server
from tests.platforms import TRADER
from tests.sql import change, file_of


def with_channel(desk: Desk, hooks: HookServer) -> None:
    """Add a channel that is told of failures at once."""
    parts = desk.platform.notifications
    channel = parts.channels.create("Hook", hooks.url(), by=TRADER)
    parts.rules.create(channel.id, EventType.FAILED, by=TRADER, group_seconds=0)


async def test_an_empty_page_says_what_to_do_and_adds_a_channel(user: User, desk: Desk) -> None:
    await user.open("/notifications")
    await user.should_see("Nobody is told")
    await user.should_see("tgram://BOT_TOKEN/CHAT_ID")
    user.find(marker="add-channel").click()
    await user.should_see("Tell it when")
    user.find(marker="channel-name").type("Desk phone")
    user.find(marker="channel-url").type("nonsense")
    user.find(marker="save-channel").click()
    await user.should_see("An address begins with its service")
    user.find(marker="channel-url").clear().type("tgram://123456789:T0PS3CRETt0ken/12")
    user.find(marker="tell-batch_finished").click()
    user.find(marker="save-channel").click()
    await user.should_see("Desk phone saved: test it")
    await user.should_see("Telegram (tgram://...)")
    await user.should_not_see("T0PS3CRETt0ken")
    rules = desk.platform.notifications.rules.list()
    assert {rule.occasion.value for rule in rules} == {
        "alert",
        "batch_finished",
        "breaker_open",
        "failed",
        "run_missed",
    }


async def test_a_channel_is_tested_changed_switched_off_and_removed(user: User, desk: Desk) -> None:
    with hook_server() as hooks:
        with_channel(desk, hooks)
        await user.open("/notifications")
        await user.should_see("nothing sent yet")
        user.find(marker="test-channel-1").click()
        await user.should_see("Hook took the test message")
        hooks.answers.append(500)
        user.find(marker="test-channel-1").click()
        await user.should_see("error=500")
        user.find(marker="edit-channel-1").click()
        await user.should_see("Change Hook")
        user.find(marker="from").type("22:00")
        user.find(marker="save-channel").click()
        await user.should_see("Quiet hours need both a start and an end")
        user.find(marker="to").type("07:00")
        user.find(marker="save-channel").click()
        await user.should_see("22:00 to 07:00")
        user.find(marker="channel-on-1").click()
        await user.should_see("Hook switched off")
        user.find(marker="remove-channel-1").click()
        await user.should_see("Its address, its rules and its messages are forgotten.")
        user.find("Forget it").click()
        await user.should_see("Nobody is told")


async def test_rules_are_added_switched_and_removed(user: User, desk: Desk) -> None:
    with hook_server() as hooks:
        with_channel(desk, hooks)
        await user.open("/notifications")
        await user.should_see("waits until they are over")
        user.find(marker="add-rule").click()
        await user.should_see("Urgent: in quiet hours too")
        user.find(marker="rule-urgent").click()
        user.find(marker="save-rule").click()
        await user.should_see("Hook is told: Analysis failed")
        await user.should_see("sent too")
        user.find(marker="rule-on-1").click()
        await user.should_see("Analysis failed: Hook is not told any more")
        user.find(marker="remove-rule-1").click()
        await eventually(lambda: len(desk.platform.notifications.rules.list()) == 1)


async def test_a_message_that_could_not_be_sent_is_sent_again_by_a_button(user: User, desk: Desk) -> None:
    with hook_server() as hooks:
        with_channel(desk, hooks)
        hooks.answers.append(500)
        with desk.platform.store.write() as transaction:
            now = desk.platform.store.clock.now()
            facts = {"sentence": "AUTH: The key is wrong", "label": "AAPL (Momentum)", "link": "/market_analysis/1"}
            record_events(transaction.session, [OutboxEvent(EventType.FAILED, "print", now, facts)])
        desk.platform.notifications.dispatcher.run()
        await eventually(lambda: desk.platform.notifications.messages.list()[0].tries == 1)
        change(file_of(desk.platform), "UPDATE notification SET state = 'failed'")
        await user.open("/notifications?state=failed")
        await user.should_see("Analysis failed: AAPL (Momentum)")
        user.find(marker="read-1").click()
        await user.should_see("AUTH: The key is wrong")
        user.find(marker="retry-1").click()
        await user.should_see("Message 1 is sent again within seconds")
        desk.platform.notifications.dispatcher.run()
        await eventually(lambda: hooks.titles == ["Analysis failed: AAPL (Momentum)"])
