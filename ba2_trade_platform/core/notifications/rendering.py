"""Message rendering: words events as bounded plain text, so that foreign text is never markup or a mention."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from ba2_trade_platform.core.base.sanitizing import clean_name
from ba2_trade_platform.core.events.outbox import EventType

LINES = 5
NAMES = 3
MORE = "more"  # the event of the message that stands for those that came when a channel had said enough
_WORDS = {  # of one, in a title, and of several
    EventType.FAILED: ("Analysis failed", "analyses failed"),
    EventType.RUN_MISSED: ("Run missed", "runs missed"),
    EventType.RUN_PARTLY_FAILED: ("Run partly failed", "runs partly failed"),
    EventType.BREAKER_OPEN: ("Provider held back", "times a provider was held back"),
    EventType.BATCH_FINISHED: ("Batch finished", "batches finished"),
    EventType.CONFIDENT: ("Recommendation", "recommendations"),
    EventType.ALERT: ("Alert", "alerts"),
    EventType.DAILY_SUMMARY: ("Daily summary", "daily summaries"),
}
PLURAL = {event_type: several for event_type, (_, several) in _WORDS.items()}
# What chat services take for a call to everybody or for a link of their own.
_MENTION = re.compile(r"@(?=\w)|<(?=[!@#])")


@dataclass(frozen=True)
class MessageGroup:
    """What one message is made of: how many events from `first` to `last`, the newest saying, and a few of them."""

    first: datetime
    last: datetime
    events: int = 0
    sentence: str = ""
    code: str | None = None
    lines: tuple[tuple[str, str | None], ...] = ()
    names: Mapping[str, int] = field(default_factory=dict)

    def with_event(self, at: datetime, facts: Mapping[str, Any], name: str | None = None) -> MessageGroup:
        """Return it with one event more; `name` is what it counts under, else the facts' expert."""
        link = facts.get("link")
        line = (to_text(facts.get("label") or facts.get("sentence"), 200), str(link)[:500] if link else None)
        names = Counter(self.names)
        if under := name or facts.get("expert"):
            names[to_text(under, 80)] += 1
        return replace(
            self,
            first=min(self.first, at),
            last=max(self.last, at),
            events=self.events + 1,
            sentence=to_text(facts.get("sentence"), 600),
            code=facts.get("code"),
            lines=self.lines if len(self.lines) >= LINES or line in self.lines else (*self.lines, line),
            names=dict(names),
        )


STORED_GROUP = TypeAdapter(MessageGroup)  # as JSON, in its row


@dataclass(frozen=True)
class Text:
    """A message's title and body."""

    title: str
    body: str


def text_of(event: str, group: MessageGroup, zone: ZoneInfo, base_url: str) -> Text:
    """Return the message; links lead to `base_url`, times of day are `zone`'s."""
    if event == MORE:
        return _more(group, zone, base_url)
    event_type = EventType(event)
    if group.events == 1:
        label, link = group.lines[0]
        said = label if event_type is EventType.FAILED else group.sentence
        whole = group.sentence if link is None else f"{group.sentence}\n{base_url}{link}"
        return Text(to_text(f"{_WORDS[event_type][0]}: {said}", 120), whole)
    failed = event_type is EventType.FAILED
    of = f" of {_names(group)}" if group.names else ""
    body = [group.sentence] if failed else []
    body.append(f"{group.events:,} {'analyses' if failed else PLURAL[event_type]}{of}, {_span(group, zone)}")
    body += [f"- {text}: {base_url}{link}" if link else f"- {text}" for text, link in group.lines]
    if group.events > len(group.lines):
        more = f"and {group.events - len(group.lines):,} more"
        of_code = f"&code={group.code}" if group.code else ""
        body.append(f"{more}: {base_url}/marketanalysis?status=failed{of_code}" if failed else more)
    code = f": {group.code}" if group.code else ""
    return Text(f"{group.events:,} {PLURAL[event_type]}{code}", "\n".join(body))


def to_text(text: object, limit: int) -> str:
    """Return foreign text on one line, without what a service could take for more than text, cut to `limit`."""
    flat = clean_name(str(text or "")[:20_000])
    flat = _MENTION.sub(lambda found: found.group() + " ", flat)
    return flat if len(flat) <= limit else flat[: limit - 3] + "..."


def _more(group: MessageGroup, zone: ZoneInfo, base_url: str) -> Text:
    counted = ", ".join(f"{count:,} {name}" for name, count in sorted(group.names.items()))
    body = f"This channel had said as much as it may within an hour. Since then: {counted} ({_span(group, zone)})"
    return Text(f"{group.events:,} more events", f"{body}\n{base_url}/notifications")


def _names(group: MessageGroup) -> str:
    known = sorted(group.names, key=lambda name: (-group.names[name], name))
    others = len(known) - NAMES
    return ", ".join(known[:NAMES]) + (f" and {others} other{'s' if others > 1 else ''}" if others > 0 else "")


def _span(group: MessageGroup, zone: ZoneInfo) -> str:
    first, last = group.first.astimezone(zone), group.last.astimezone(zone)
    form = "%H:%M" if first.date() == last.date() else "%d %b %H:%M"
    return f"first {first:{form}}, last {last:{form}} {zone.key}"
