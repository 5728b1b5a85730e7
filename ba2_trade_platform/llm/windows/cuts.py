"""Cut question: told by the tokens that a server counted, for many servers cut in silence."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ba2_trade_platform.llm.windows.estimates import MARGIN, tokens_of

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

NEAR = 2  # tokens; servers differ in whether they count the mark at the beginning
# No tokenizer that was measured finds fewer than `least`, but others are to come, and some servers only guess.
FAR_BELOW = 0.6
BELOW = 0.9
LEAST_WINDOW = 256  # tokens: fewer are no window but a server that does not count
USUAL_WINDOW = 1024  # so are fewer than these, of a server that has only said one number so far
A_STEP = 1024  # windows are made in these
BLOCK = 512  # characters
REMEMBERED = 20_000  # blocks of questions, or counts, of all models together
OTHER = 0.01  # by how much two questions differ that have not the same number of tokens


@dataclass(frozen=True)
class Counted:
    """Tokens of question and answer as a server counted them; `holds`: the most that it can have read, where known.

    `told`: it was told with this call to hold so many.
    """

    tokens_in: int
    tokens_out: int
    holds: int | None
    told: bool
    answer: int  # the longest that was allowed


@dataclass
class Memory:
    """What servers may still know of earlier questions: some count only what is new in the next one."""

    _blocks: OrderedDict[Any, None] = field(default_factory=OrderedDict)
    _whole: set[str] = field(default_factory=set)
    _said: dict[str, set[int]] = field(default_factory=dict)  # two numbers of each model, or one
    _counts: OrderedDict[tuple[str, int], int] = field(default_factory=OrderedDict)  # with the least that there were

    def is_ceiling(self, who: str, counted: int, least: int) -> bool:
        """Tell whether the server counted as many in another question, of which both have more.

        One that counted as many where there hardly were more counts nothing at all: it says the same of everything.
        That is no matter where the number is the size of a window, for no two questions have so many by chance.
        """
        before = self._counts.get((who, counted))
        if before is None or abs(before - least) <= OTHER * least:
            return False
        return _is_step(counted) or counted < BELOW * min(before, least)

    def has_counted(self, who: str) -> bool:
        """Tell whether the server was heard to count: it said different numbers of different questions."""
        return len(self._said.get(who, ())) > 1

    def unseen(self, who: str, messages: Sequence[BaseMessage]) -> str:
        """Return the part of a question that this model cannot remember."""
        text = _text(messages)
        if who in self._whole:
            return text
        known = 0
        for block in _chain(who, text):
            if block not in self._blocks:
                break
            known += 1
        return text[known * BLOCK :]

    def remember(self, who: str, messages: Sequence[BaseMessage], counted: int, least: int) -> None:
        """Note that a question was read as a whole, and whether the server counted what it remembered of it."""
        unseen = tokens_of(self.unseen(who, messages))
        if counted >= least and counted > MARGIN * unseen.likely:
            self._whole.add(who)
        if not self.has_counted(who):
            self._said.setdefault(who, set()).add(counted)
        fewest = min(least, unseen.least)
        self._counts[who, counted] = min(fewest, self._counts.get((who, counted), fewest))
        for block in _chain(who, _text(messages)):
            self._blocks[block] = None
            self._blocks.move_to_end(block)
        for known in (self._blocks, self._counts):
            while len(known) > REMEMBERED:
                known.popitem(last=False)


def cut(who: str, counted: Counted, messages: Sequence[BaseMessage], least: int, memory: Memory) -> str | None:
    """Return what shows that a model's server cut the question, which has `least` tokens, None where nothing does."""
    tokens, holds = counted.tokens_in, counted.holds
    if holds is not None and abs(tokens - holds) <= NEAR:
        return f"it counted {tokens:,} tokens in it, which is all that it holds"
    if holds is not None and counted.told and tokens < holds < tokens + counted.tokens_out - NEAR:
        return f"it holds {holds:,} tokens and threw the beginning away while it answered"
    if holds is not None and abs(tokens - (holds - counted.answer)) <= NEAR:
        return f"it counted {tokens:,} tokens in it, which is all that it holds beside the answer"
    if _is_step(tokens) and tokens < least * (1 if _is_power(tokens) else BELOW):
        return f"it counted {tokens:,} tokens, the size of a window, in a question of at least {least:,}"
    if tokens < (LEAST_WINDOW if memory.has_counted(who) else USUAL_WINDOW):
        return None
    fewest = min(least, tokens_of(memory.unseen(who, messages)).least)
    if memory.is_ceiling(who, tokens, fewest):
        return f"it counted {tokens:,} tokens in it, as it did in another that is longer or shorter"
    if tokens < FAR_BELOW * fewest:
        return f"it counted {tokens:,} tokens in a question of at least {least:,}"
    return None


def _is_step(tokens: int) -> bool:
    return tokens >= 2 * A_STEP and tokens % A_STEP == 0


def _is_power(tokens: int) -> bool:
    return tokens.bit_count() == 1


def _text(messages: Sequence[BaseMessage]) -> str:
    return "\n".join(f"{message.type}\n{message.text}" for message in messages)


def _chain(who: str, text: str) -> list[int]:
    """Return a hash for each whole block of the text, in which all before it is counted in."""
    chain, before = [], hash(who)
    for at in range(0, len(text) - BLOCK + 1, BLOCK):
        before = hash((before, text[at : at + BLOCK]))
        chain.append(before)
    return chain
