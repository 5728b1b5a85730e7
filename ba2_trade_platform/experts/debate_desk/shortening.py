"""Shortening: the desk's rule for a question that is longer than a model's window, and its words for it.

Results of tools that were read already go first, then the oldest news and posts, the least similar lessons, earlier
rounds of the debate, reports, and the newest results of tools. The numbers, what the company reported, the prompt and
the schema of the decision stay whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from ba2_trade_platform.core.contracts.model_windows import Shortened
from ba2_trade_platform.experts.debate_desk.prompts import facts_text

READ = {"articles": "articles", "posts": "posts"}
SPEAKERS = ("bull", "bear", "risk_aggressive", "risk_conservative", "risk_neutral")
# Characters that are left of a text, one after the other.
OLD_RESULTS = (2000, 600, 150)
OLD_ROUNDS = (1600, 1200, 800, 500, 250)
REPORTS = (6000, 4000, 3000, 2200, 1600, 1200, 900, 600, 400, 250)
NEW_RESULTS = (12_000, 8000, 5000, 3000, 1500, 600)
TENTHS = 10  # how many steps it takes to leave out a list


@dataclass(frozen=True)
class _Less:
    """What is left of a question; None is all of it. `kept`: items of a list, `reports`: characters of each by key."""

    kept: Mapping[str, int] = field(default_factory=dict)
    reports: Mapping[str, int] = field(default_factory=dict)
    old_results: int | None = None
    new_results: int | None = None


@dataclass(frozen=True)
class Shortening:
    """Shortens the question whose facts are `block`, wherever it stands in a conversation."""

    block: Mapping[str, Any]

    def __call__(self, messages: Sequence[BaseMessage], fits: Callable[[Sequence[BaseMessage]], bool]) -> Shortened:
        """Return the question with as little left out as the rule allows; see core.contracts.model_windows.Shorten."""
        shortest = Shortened(messages, ())
        for less in self._ways():
            made = self._made(messages, less)
            if not made.left_out or made == shortest:
                continue
            shortest = made
            if fits(made.messages):
                break
        return shortest

    def _ways(self) -> Iterator[_Less]:
        less = _Less()
        for limit in OLD_RESULTS:
            less = replace(less, old_results=limit)
            yield less
        for name in ("articles", "posts", "lessons"):
            whole = len(self.block.get(name, ()))
            for tenth in range(TENTHS - 1, -1, -1):
                less = replace(less, kept={**less.kept, name: max(1, whole * tenth // TENTHS)})
                yield less
        keys = list(self.block.get("reports", {}))
        old = _earlier_rounds(keys)
        for limits, shortened in ((OLD_ROUNDS, old), (REPORTS, keys)):
            for limit in limits:
                less = replace(less, reports=_lowered(less.reports, shortened, limit))
                yield less
        for limit in NEW_RESULTS:
            less = replace(less, new_results=limit)
            yield less

    def _made(self, messages: Sequence[BaseMessage], less: _Less) -> Shortened:
        block, left_out = _less_facts(self.block, less)
        results, words = _less_results(messages, less)
        left_out += words
        if not left_out:
            return Shortened(messages, ())
        block["left_out"] = f"Not given to you, for it would not have fitted: {'; '.join(left_out)}"
        whole, facts = facts_text(self.block), facts_text(block)
        made = [
            HumanMessage(facts, id=message.id) if _is(message, whole) else results.get(place, message)
            for place, message in enumerate(messages)
        ]
        return Shortened(made, tuple(left_out))


def _less_facts(whole: Mapping[str, Any], less: _Less) -> tuple[dict[str, Any], list[str]]:
    block, left_out = dict(whole), []
    for name, most in less.kept.items():
        items = block.get(name, ())
        if most < len(items):
            block[name] = _newest(items, most) if name in READ else items[:most]
            age = "oldest" if name in READ else "least similar"
            left_out.append(f"the {len(items) - most} {age} of {len(items)} {name}")
    reports = dict(block.get("reports", {}))
    for key, most in less.reports.items():
        if most < len(text := reports[key]):
            reports[key] = _beginning(text, most)
            left_out.append(f"{len(text) - most:,} of {len(text):,} characters of the report {key}")
    if reports:
        block["reports"] = reports
    return block, left_out


def _less_results(messages: Sequence[BaseMessage], less: _Less) -> tuple[dict[int, BaseMessage], list[str]]:
    """Return the results of tools that are shortened by their place, and words for them."""
    last_call = max((place for place, message in enumerate(messages) if isinstance(message, AIMessage)), default=0)
    made: dict[int, BaseMessage] = {}
    for place, message in enumerate(messages):
        most = less.old_results if place < last_call else less.new_results
        if isinstance(message, ToolMessage) and most is not None and most < len(message.text):
            made[place] = message.model_copy(update={"content": _beginning(message.text, most)})
    return made, [f"parts of {len(made)} results of tools"] if made else []


def _earlier_rounds(keys: Sequence[str]) -> list[str]:
    """Return the keys of the reports of each speaker but the last of his."""
    spoken = ([key for key in keys if key == role or key.startswith(f"{role}_")] for role in SPEAKERS)
    return [key for of_one in spoken for key in of_one[:-1]]


def _lowered(limits: Mapping[str, int], keys: Sequence[str], limit: int) -> dict[str, int]:
    return {**limits, **{key: min(limit, limits.get(key, limit)) for key in keys}}


def _newest(items: Sequence[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    newest = sorted(range(len(items)), key=lambda at: str(items[at].get("published_at")), reverse=True)[:most]
    return [items[at] for at in sorted(newest)]


def _beginning(text: str, most: int) -> str:
    return f"{text[:most]} [... {len(text) - most:,} characters left out]"


def _is(message: BaseMessage, facts: str) -> bool:
    return isinstance(message, HumanMessage) and message.text == facts
