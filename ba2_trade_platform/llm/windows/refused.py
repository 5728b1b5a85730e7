"""Refused window: how many tokens a model holds by the words of a server that turned a longer question away."""

from __future__ import annotations

import re

LIKELY = range(256, 100_000_001)  # tokens; whatever else a server says is no window
_N = r"(\d{1,3}(?:,\d{3})+|\d+)(?!\d|\.\d)"
# As OpenAI, vLLM, DeepSeek, Grok and OpenRouter, Fireworks; Anthropic, Mistral; Gemini; llama.cpp, LM Studio; Kimi;
# Qwen; TGI and Together; others, some in Chinese, say it.
_WORDS = tuple(
    re.compile(pattern.replace("{n}", _N), re.IGNORECASE)
    for pattern in (
        r"max(?:imum)? (?:context|prompt|input|sequence) (?:length|size|window)(?: is|:| of|=)?(?: only)? \(?{n}",
        r"(?:>|with) {n} maximum\b",
        r"context limit: \d+ \+ \d+ > {n}",
        r"maximum (?:number of )?(?:input )?tokens (?:allowed )?(?:is |of |: ?)?\(?{n}",
        r"context (?:size|length|window|limit)(?: of)?(?: only)?[ :]*\(?{n}(?! tokens?\)? exceed|\)? exceed)",
        r"token limit(?: of|:)? {n}",
        r"input length should be \[\d+, ?{n}\]",
        r"must be <= ?{n}",
        r"(?:limit|maximum) of {n} (?:input )?tokens",
        r"(?:最大|上限)[^\d。]{0,16}{n}",
    )
)
_RATE = re.compile(r"\bTPM\b|per[ _-]?(?:min|day|hour)|每分钟|每天", re.IGNORECASE)


def refused_window(words: str) -> int | None:
    """Return the window that a refusal names, None where it names none, or a limit of another kind."""
    if _RATE.search(words):
        return None
    found = next((match for pattern in _WORDS if (match := pattern.search(words))), None)
    tokens = int(found.group(1).replace(",", "")) if found else 0
    return tokens if tokens in LIKELY else None
