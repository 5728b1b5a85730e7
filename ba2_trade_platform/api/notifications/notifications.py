"""Notification endpoints: channels with write-only addresses, rules, and sent messages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field, SecretStr

from ba2_trade_platform.api.http.answers import Items
from ba2_trade_platform.api.http.dependencies import Asker, Console, RequestBody
from ba2_trade_platform.api.http.fields import (
    DIGITS,
    MAX_ID,
    Flag,
    Name,
    Number,
    QueryId,
    Real,
    RowId,
    said,
)
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.core.notifications.addresses import MAX_URL
from ba2_trade_platform.core.notifications.channels import Channel, Tested
from ba2_trade_platform.core.notifications.messages import MOST, Message
from ba2_trade_platform.core.notifications.rules import LONGEST_GROUP, Rule
from ba2_trade_platform.vocabulary import MessageState

router = APIRouter(tags=["notifications"])
CHANNELS, RULES = "/notification-channels", "/notification-rules"
Id = Annotated[int, Path(ge=1, le=MAX_ID), DIGITS]
Address = Annotated[
    SecretStr,
    Field(
        max_length=MAX_URL, description="An Apprise URL: stored encrypted, never shown", examples=["json://HOST/path"]
    ),
    said(pattern="://"),
]
Clock = Annotated[
    str | None,
    Field(max_length=20, description="HH:MM; empty or null: none"),
    said(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$"),
]


class ChannelFields(RequestBody):
    """What a channel may be given; absent: as it is, or the default."""

    enabled: Flag = True
    quiet_from: Clock = None
    quiet_until: Clock = None
    zone: Annotated[str, Field(max_length=64, description="IANA zone of the quiet hours and of times in messages")] = ""


class NewChannel(ChannelFields):
    """A channel to be added; `occasions` get a rule each."""

    name: Name
    url: Address
    occasions: Annotated[list[EventType], Field(max_length=20)] = []


class ChangedChannel(ChannelFields):
    """What to change. With `version`, it is refused when somebody else has changed the channel since."""

    name: Name = ""
    url: Address = SecretStr("")
    version: RowId | None = None


class RuleFields(RequestBody):
    """What a rule may be given; absent: as it is, or the default."""

    enabled: Flag = True
    urgent: Annotated[Flag, Field(description="Sent in quiet hours too")] = False
    min_confidence: Annotated[
        Real | None, Field(description="Of confident recommendations"), said(minimum=1, maximum=100)
    ] = None
    expert_instance_id: Annotated[RowId | None, Field(description="One expert's failures or recommendations")] = None
    group_seconds: Annotated[
        Number, Field(description="What comes within it is one message"), said(minimum=0, maximum=LONGEST_GROUP)
    ] = 60


class NewRule(RuleFields):
    """A rule to be added."""

    channel_id: RowId
    occasion: EventType


class ChangedRule(RuleFields):
    """What to change. With `version`, it is refused when somebody else has changed the rule since."""

    version: RowId | None = None


@router.get(CHANNELS)
def channels(console: Console) -> Items[Channel]:
    """Return the notification channels by name."""
    return Items(items=console.notifications.channels.list())


@router.post(CHANNELS, status_code=201, responses=documented(409))
def add_channel(body: NewChannel, console: Console, asker: Asker) -> Channel:
    """Add a channel, with a rule for each of `occasions`."""
    return console.notifications.channels.create(by=asker, **body.sent())


@router.patch(CHANNELS + "/{channel_id:int}", responses=documented(404, 409))
def change_channel(channel_id: Id, body: ChangedChannel, console: Console, asker: Asker) -> Channel:
    """Change what is given; what waits in a channel that is switched off is not sent any more."""
    return console.notifications.channels.change(channel_id, by=asker, **body.sent())


@router.delete(CHANNELS + "/{channel_id:int}", status_code=204, responses=documented(404))
def remove_channel(channel_id: Id, console: Console, asker: Asker) -> None:
    """Forget a channel with its rules and messages."""
    console.notifications.channels.remove(channel_id, by=asker)


@router.post(CHANNELS + "/{channel_id:int}/test", responses=documented(404))
def try_channel(channel_id: Id, console: Console, asker: Asker) -> Tested:
    """Send a message at once, quiet hours or not; a failure is an answer too, with `ok` false."""
    return console.notifications.channels.test(channel_id, by=asker)


@router.get(RULES)
def rules(console: Console) -> Items[Rule]:
    """Return the rules by channel and occasion."""
    return Items(items=console.notifications.rules.list())


@router.post(RULES, status_code=201, responses=documented(404, 409))
def add_rule(body: NewRule, console: Console, asker: Asker) -> Rule:
    """Add a rule."""
    return console.notifications.rules.create(by=asker, **body.sent())


@router.patch(RULES + "/{rule_id:int}", responses=documented(404, 409))
def change_rule(rule_id: Id, body: ChangedRule, console: Console, asker: Asker) -> Rule:
    """Change what is given."""
    return console.notifications.rules.change(rule_id, by=asker, **body.sent())


@router.delete(RULES + "/{rule_id:int}", status_code=204, responses=documented(404))
def remove_rule(rule_id: Id, console: Console, asker: Asker) -> None:
    """Forget a rule."""
    console.notifications.rules.remove(rule_id, by=asker)


@router.get("/notifications")
def messages(
    console: Console,
    state: MessageState | None = None,
    before: Annotated[QueryId | None, Query(description="Only those before this id")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST), DIGITS] = 100,
) -> Items[Message]:
    """Return messages, newest first."""
    return Items(items=console.notifications.messages.list(state, before=before, limit=limit))


@router.post("/notifications/{message_id:int}/retry", status_code=202, responses=documented(404, 409))
def retry_message(message_id: Id, console: Console, asker: Asker) -> Message:
    """Send a failed message again, soon."""
    return console.notifications.messages.retry(message_id, by=asker)
