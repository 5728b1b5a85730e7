"""Token estimate: how many tokens a text has at least, likely and at most, by any known tokenizer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

MARGIN = 1.25  # an estimate that is a fifth too low still fits
A_MESSAGE = 5  # tokens that tell one message from the next, with its role
KEPT_TEXTS = 128  # a conversation grows by one message: the others were counted before

# Tokens as (for the run, for each character of it), at least, likely and at most; measured with the tokenizers of
# GPT-4, GPT-4o, Claude 2, DeepSeek, Qwen and Llama 2 on prose, news, code, JSON of numbers and ten languages.
_Weights = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
_WEIGHTS: Mapping[str, _Weights] = {
    "word": ((0.75, 0.05), (0.75, 0.09), (0.75, 0.19)),
    "capitals": ((0.5, 0.12), (0.6, 0.2), (0.7, 0.38)),
    "digits": ((0.4, 0.25), (0.4, 0.45), (0.5, 1.0)),
    "lines": ((0.4, 0.0), (1.0, 0.0), (1.3, 0.12)),
    "spaces": ((0.3, 0.01), (0.7, 0.02), (1.0, 0.25)),
    "space": ((0.0, 0.0), (0.05, 0.0), (0.1, 0.0)),
    "marks": ((0.65, 0.02), (0.7, 0.1), (0.5, 0.45)),
    "asian": ((0.0, 0.3), (0.0, 0.95), (0.0, 1.8)),
    "alphabet": ((0.2, 0.19), (0.4, 0.35), (0.5, 0.6)),
    "script": ((0.0, 0.22), (0.0, 0.8), (0.0, 1.75)),
    "other": ((0.0, 0.6), (0.0, 2.0), (0.0, 4.0)),
}
_RUNS = re.compile(
    r"(?P<word>[A-Z]?[a-z]+)|(?P<capitals>[A-Z]+)|(?P<digits>[0-9]+)|(?P<marks>[!-/:-@\[-`{-~]+)|(?P<lines>\s*\n\s*)|(?P<spaces>\s{2,})"
    r"|(?P<space>\s)|(?P<asian>[\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]+)"
    r"|(?P<alphabet>[\u0080-\u052f\u1e00-\u206f]+)|(?P<script>[\u0530-\u1dff]+)|(?P<other>[^\s\x00-\u1fff]+|.)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Estimate:
    """Tokens of a text: hardly any tokenizer finds fewer than `least`, or more than `most`."""

    least: int
    likely: int
    most: int

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(self.least + other.least, self.likely + other.likely, self.most + other.most)


NOTHING = Estimate(0, 0, 0)


@lru_cache(maxsize=KEPT_TEXTS)
def tokens_of(text: str) -> Estimate:
    """Return how many tokens a text has."""
    runs: dict[str, int] = dict.fromkeys(_WEIGHTS, 0)
    characters: dict[str, int] = dict.fromkeys(_WEIGHTS, 0)
    for match in _RUNS.finditer(text):
        kind = match.lastgroup or "other"
        runs[kind] += 1
        characters[kind] += match.end() - match.start()

    def summed(place: int) -> int:
        figures = ((kind, *weights[place]) for kind, weights in _WEIGHTS.items())
        return round(sum(first * runs[kind] + each * characters[kind] for kind, first, each in figures))

    likely = summed(1)
    return Estimate(summed(0), likely, max(summed(2), round(MARGIN * likely)))


def tokens_in(messages: Sequence[BaseMessage], options: Mapping[str, Any]) -> Estimate:
    """Return how many tokens a request has: its messages, and tools or schema among its options."""
    texts = [part for message in messages for part in _texts(message)]
    if options:
        texts.append(json.dumps(options, default=str, ensure_ascii=False))
    overhead = A_MESSAGE * len(messages)
    return _sum(map(tokens_of, texts)) + Estimate(0, overhead, 2 * overhead)


def _texts(message: BaseMessage) -> Iterable[str]:
    content = message.content
    yield content if isinstance(content, str) else json.dumps(content, default=str, ensure_ascii=False)
    if calls := getattr(message, "tool_calls", None):
        yield json.dumps(calls, default=str, ensure_ascii=False)


def _sum(estimates: Iterable[Estimate]) -> Estimate:
    whole = NOTHING
    for one in estimates:
        whole += one
    return whole
