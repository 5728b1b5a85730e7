"""Facts parser: reads the block of numbers in a debate's prompt, so that rules can work with them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

_BLOCK = re.compile(r"^[ \t]*```facts[ \t]*\n(.*?)\n[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)
_ROLES = (
    ("portfolio", "portfolio_manager"),
    ("aggressive", "aggressive"),
    ("conservative", "conservative"),
    ("neutral", "neutral"),
    ("trader", "trader"),
    ("research_manager", "research_manager"),
    ("bull", "bull"),
    ("bear", "bear"),
    ("technical", "technical"),
    ("fundamental", "fundamentals"),
    ("sentiment", "sentiment"),
    ("news", "news"),
    ("manager", "research_manager"),
)
ANALYSTS = ("technical", "fundamentals", "news", "sentiment")
# Who writes the console's own prompts; what a tool or a model answered is foreign and is never searched for facts.
_OURS = ("system", "human")


@dataclass(frozen=True)
class Facts:
    """One role's facts. Prices in the symbol's currency; returns, volatility and drawdown in percent; position 0 to 1.

    `debate` is who said what, oldest first; where the block does not list it, it is taken from the reports.
    """

    role: str = ""
    symbol: str = ""
    as_of: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    reports: Mapping[str, str] = field(default_factory=dict)
    headlines: Sequence[str] = ()
    posts: Sequence[str] = ()
    figures: Sequence[Mapping[str, Any]] = ()
    debate: Sequence[tuple[str, str]] = ()

    def number(self, name: str) -> float | None:
        """Return one finite number, None where the facts do not have it; `name_percent` serves for `name`."""
        return self.numbers.get(name, self.numbers.get(f"{name}_percent"))

    @property
    def day(self) -> str:
        """The day of as_of."""
        return self.as_of[:10]


def read_facts(messages: Sequence[Any]) -> Facts:
    """Return what the last block of facts in our own prompts says; empty facts when there is none that can be read."""
    found: Mapping[str, Any] = {}
    prompts = [text_of(message) for message in messages if message.type in _OURS]
    for block in (block for prompt in prompts for block in _BLOCK.findall(prompt)):
        with suppress(ValueError):
            found = _mapping(json.loads(block)) or found
    told = str(found.get("role") or "")
    role = role_of(told) or role_of(" ".join(prompts[:1])[:400])
    reports = {str(name): _text(text) for name, text in _mapping(found.get("reports")).items() if text}
    spoken = [item for item in _items(found.get("debate")) if isinstance(item, dict)]
    debate = [(role_of(_text(item.get("role") or item.get("speaker"))), _text(item.get("text"))) for item in spoken]
    return Facts(
        role=role,
        symbol=_text(found.get("symbol")),
        as_of=_text(found.get("as_of")),
        numbers=_numbers(found.get("numbers")),
        reports=reports,
        headlines=[*_lines(found, "headlines", "articles", "news"), *_tool_lines(messages, role, "news")],
        posts=[*_lines(found, "posts"), *_tool_lines(messages, role, "sentiment")],
        figures=[item for item in _items(found.get("figures")) if isinstance(item, dict)],
        debate=debate or [(role_of(name), text) for name, text in reports.items()],
    )


def role_of(text: str) -> str:
    """Return the role that a name or the beginning of a system prompt speaks of; empty when none is recognised."""
    words = re.sub(r"[^a-z]+", "_", text.lower())
    return next((role for word, role in _ROLES if word in words), "")


def text_of(message: Any) -> str:
    """Return the words of a message, whether its content is a text or a list of parts."""
    content = message.content
    if isinstance(content, str):
        return content
    parts = (part if isinstance(part, str) else part.get("text", "") for part in content)
    return "\n".join(part for part in parts if isinstance(part, str))


def _numbers(given: object) -> dict[str, float]:
    return {
        str(name): float(value)
        for name, value in _mapping(given).items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _lines(found: Mapping[str, Any], *names: str) -> Iterator[str]:
    for name in names:
        for item in _items(found.get(name)):
            if isinstance(item, dict):
                yield f"{_text(item.get('headline'))} {_text(item.get('summary'))}".strip()
            else:
                yield _text(item)


def _tool_lines(messages: Sequence[Any], role: str, wanted: str) -> Iterator[str]:
    if role != wanted:
        return
    for message in messages:
        if message.type == "tool":
            yield from (line for line in text_of(message).splitlines() if line.strip())


def _items(given: object) -> Sequence[Any]:
    return given if isinstance(given, list) else ()


def _mapping(given: object) -> Mapping[str, Any]:
    return given if isinstance(given, dict) else {}


def _text(given: object) -> str:
    return given if isinstance(given, str) else "" if given is None else json.dumps(given)
