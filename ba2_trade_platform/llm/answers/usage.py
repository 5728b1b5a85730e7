"""Usage reading: the tokens that a server counted of a call, in any vendor's words, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Where the vendors say each figure, as paths into what they call usage.
_IN = ("prompt_tokens", "input_tokens", "prompt_eval_count")
_OUT = ("completion_tokens", "output_tokens", "eval_count")
_TOTAL = ("total_tokens",)
_CACHED = (
    "prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens", "prompt_cache_hit_tokens",
    "cached_tokens", "input_token_details.cache_read",
)  # fmt: skip
_REASONING = (
    "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens",
    "output_tokens_details.thinking_tokens", "output_token_details.reasoning", "reasoning_tokens",
)  # fmt: skip
_WRITTEN = ("prompt_tokens_details.cache_write_tokens",)
# Anthropic counts the question's tokens that a cache held, or was given to hold, beside the others; a proxy that
# speaks OpenAI's protocol hands these figures on and counts them among the others too.
_BESIDE = ("cache_read_input_tokens", "cache_creation_input_tokens")


@dataclass(frozen=True)
class Usage:
    """Tokens of one call, None where they were not said.

    `tokens_in` includes `tokens_cached` and `tokens_written`, which the provider remembered and remembers from now on;
    `tokens_out` includes `tokens_reasoning`.
    """

    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    tokens_reasoning: int | None = None
    tokens_written: int | None = None


class Counts:
    """The figures of one call while it is heard; of each the largest counts, for servers repeat and accumulate them."""

    def __init__(self) -> None:
        self._most: dict[str, int] = {}

    def add(self, said: object) -> None:
        """Note what a server says of its usage; whatever is no count is not said."""
        if not isinstance(said, Mapping):
            return
        for name, paths in _FIGURES.items():
            for figure in (_figure(said, path) for path in paths):
                if figure is not None:
                    self._most[name] = max(figure, self._most.get(name, 0))

    def usage(self, *, ended: bool, beside: bool) -> Usage:
        """Return what the call took. One that did not end has no count of its answer: it was still growing.

        `beside`: this server counts tokens of thinking beside those of the answer.
        """
        most = self._most
        tokens_in = self._in() or None  # nothing is asked with no tokens: a server that says so has not counted them
        out, reasoning = self._out(tokens_in, beside=beside)
        if tokens_in is None and not out:
            out = None
        cached = max((most[name] for name in ("cached", "cache_read") if name in most), default=None)
        if cached is not None and (tokens_in is None or cached > tokens_in):
            cached = None
        written = max((most[name] for name in ("written", "cache_creation") if name in most), default=None)
        if written is not None and (tokens_in is None or written > tokens_in):
            written = None
        return (
            Usage(tokens_in, out, cached, reasoning, written)
            if ended
            else Usage(tokens_in, None, cached, None, written)
        )

    def _in(self) -> int:
        """Return the tokens of the question, those of a cache among them; the total tells whether they are already."""
        said, beside = (
            self._most.get("in", 0),
            sum(self._most.get(name, 0) for name in ("cache_read", "cache_creation")),
        )
        if said < beside:
            return said + beside
        if "total" in self._most:
            return said if self._most["total"] - said - self._most.get("out", 0) < beside else said + beside
        return said if "prompt" in self._most else said + beside

    def _out(self, tokens_in: int | None, *, beside: bool) -> tuple[int | None, int | None]:
        """Return the tokens of the answer, thinking among them, and those of thinking; the total tells which is so."""
        out, reasoning, total = (self._most.get(name) for name in ("out", "reasoning", "total"))
        if out is None:
            return None, reasoning
        over = total - tokens_in - out if total is not None and tokens_in is not None else None
        if reasoning and (over == reasoning or reasoning > out or (beside and over is None)):
            return out + reasoning, reasoning
        if beside and over is not None and over > 0:
            return out + over, reasoning or over
        return out, reasoning


_FIGURES: Mapping[str, tuple[str, ...]] = {
    "in": _IN, "prompt": _IN[:1], "out": _OUT, "total": _TOTAL, "cached": _CACHED, "reasoning": _REASONING,
    "written": _WRITTEN, "cache_read": _BESIDE[:1], "cache_creation": _BESIDE[1:],
}  # fmt: skip


def _figure(said: Mapping[str, Any], path: str) -> int | None:
    found: Any = said
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    whole = isinstance(found, int) and not isinstance(found, bool)
    if isinstance(found, float) and found.is_integer():
        found, whole = int(found), True
    return found if whole and found >= 0 else None
