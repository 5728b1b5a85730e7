"""Thinking: takes the musings of a model off its answer, in whichever marks they stand."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

# Where a message keeps what was thought, as text to read; never sent anywhere.
THINKING = "thinking"
_NAMES = r"(?:think|thinking|thoughts?|reasoning|scratchpad|antthinking|seed:think)"
# No pattern gives back what it took: a model that repeats one mark to its last token must not hold up all others.
_OPENS = (
    rf"(?:<|&lt;){_NAMES}(?:\s++[\w-]++\s*+=[^<>&\n]*+)?+\s*+(?:>|&gt;)",
    r"\[THINK\]",
    r"◁think▷",
    r"<\|(?:START_THINKING|begin_of_thought|thinking)\|>",
)
_CLOSES = (
    rf"(?:<|&lt;)/\s*{_NAMES}\s*(?:>|&gt;)",
    r"\[/THINK\]",
    r"◁/think▷",
    r"<\|(?:END_THINKING|end_of_thought|/thinking)\|>",
)
_OPEN = re.compile("|".join(_OPENS), re.IGNORECASE)
_CLOSE = re.compile("|".join(_CLOSES), re.IGNORECASE)
_FRAME = re.compile(
    r"<(answer|response|final|final_answer)>(.*?)(?:</\1>)?|<\|(?:begin_of_box|START_RESPONSE)\|>(.*?)"
    r"(?:<\|(?:end_of_box|END_RESPONSE)\|>)?",
    re.IGNORECASE | re.DOTALL,
)
# The channels of OpenAI's open models, where their server leaves them in the text, marks and all or words alone.
_CHANNEL = re.compile(
    r"<\|channel\|>\s*+(\w++)[^<]*+(?:<\|(?!message|channel)[^|]*+\|>[^<]*+)*+<\|message\|>", re.IGNORECASE
)
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>[^<]*", re.IGNORECASE)
_BARE_CHANNELS = re.compile(r"analysis(?=\S)(.*?)(?:assistant)?(?<=assistant)final(.*)", re.DOTALL)
_FENCE = re.compile(r"^[ \t]*+(?:```|~~~)", re.MULTILINE)
_QUOTES = "`'\"\u201c\u201d\u2018\u2019\u00ab\u00bb"
_GOES_ON = " ,.;:!?)"
_BLANK = " \t\r\n\ufeff\u200b"
_BLANKS = re.compile(f"[{_BLANK}]*")


@dataclass(frozen=True)
class Parted:
    """A text without its thinking, and that; `open`: it thinks to its end and answers nothing."""

    answer: str
    thinking: str = ""
    open: bool = False


def part(text: str) -> Parted:
    """Return the answer and the thinking in a text. Marks that the answer merely quotes are left in it."""
    rest = text.lstrip(_BLANK)
    channels = _channels(rest)
    if channels is not None:
        return channels
    thoughts: list[str] = []
    at = 0
    while opened := _OPEN.match(rest, at):
        closed = _CLOSE.search(rest, opened.end())
        if closed is None:
            return _parted("", [*thoughts, rest[opened.end() :]], open=True)
        thoughts.append(rest[opened.end() : closed.start()])
        at = _behind_blanks(rest, closed.end())
    marked = _Marked(rest[at:])
    closed = marked.lone_close()
    if closed is not None:
        thoughts.append(marked.text[: closed.start()])
        marked = _Marked(marked.text[_behind_blanks(marked.text, closed.end()) :])
    rest = marked.without_blocks(thoughts)
    if not thoughts:
        return Parted(text)
    framed = _FRAME.fullmatch(rest.strip(_BLANK))
    return _parted((framed.group(2) or framed.group(3) or "") if framed else rest, thoughts)


def own_thoughts(messages: Sequence[BaseMessage], provider: str) -> Sequence[BaseMessage]:
    """Return the messages as this provider may have them: what another one added to its own is nothing it knows."""
    return [_bare(message) if _is_foreign(message, provider) else message for message in messages]


def _is_foreign(message: BaseMessage, provider: str) -> bool:
    return message.type == "ai" and message.response_metadata.get("provider_name") != provider


def _bare(message: BaseMessage) -> BaseMessage:
    return message.model_copy(update={"content": message.text, "additional_kwargs": {}})


def _parted(answer: str, thoughts: list[str], *, open: bool = False) -> Parted:
    said = [thought.strip(_BLANK) for thought in thoughts]
    return Parted(answer.strip(_BLANK), "\n\n".join(thought for thought in said if thought), open)


def _behind_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


@dataclass(frozen=True)
class _Marked:
    """A text in which marks of thinking are looked at where they stand."""

    text: str

    @cached_property
    def fences(self) -> Sequence[int]:
        """Where the fences of code end."""
        return [fence.end() for fence in _FENCE.finditer(self.text)]

    def lone_close(self) -> re.Match[str] | None:
        """Return the mark that ends thinking whose beginning stands in the prompt; None where it is merely quoted."""
        opened = _OPEN.search(self.text)
        open_begins = opened is not None and self._begins(opened)
        for closed in reversed(list(_CLOSE.finditer(self.text))):
            in_prose = self._before(closed) == " " and self._after(closed) in set(_GOES_ON)
            before_any = opened is None or closed.start() < opened.start()
            of_its_own = before_any or (self._begins(closed) and not open_begins)
            if of_its_own and (not in_prose or self._ends(closed)) and not self._is_quoted(closed):
                return closed
        return None

    def without_blocks(self, thoughts: list[str]) -> str:
        """Take off thinking between two parts of an answer: it has lines of its own, as no quotation has."""
        kept: list[str] = []
        at = 0
        while opened := _OPEN.search(self.text, at):
            closed = _CLOSE.search(self.text, opened.end())
            if closed is None:
                break
            if self._begins(opened) and self._ends(closed) and not self._is_quoted(opened):
                kept.append(self.text[at : opened.start()])
                thoughts.append(self.text[opened.end() : closed.start()])
                at = closed.end()
            else:
                kept.append(self.text[at : opened.end()])
                at = opened.end()
        return "".join((*kept, self.text[at:]))

    def _before(self, mark: re.Match[str]) -> str:
        return self.text[max(0, mark.start() - 1) : mark.start()]

    def _after(self, mark: re.Match[str]) -> str:
        return self.text[mark.end() : mark.end() + 1]

    def _begins(self, mark: re.Match[str]) -> bool:
        """Tell whether a mark begins its line."""
        at = mark.start()
        while at and self.text[at - 1].isspace() and self.text[at - 1] != "\n":
            at -= 1
        return at == 0 or self.text[at - 1] == "\n"

    def _ends(self, mark: re.Match[str]) -> bool:
        """Tell whether a mark ends its line."""
        at = mark.end()
        while at < len(self.text) and self.text[at].isspace() and self.text[at] != "\n":
            at += 1
        return at == len(self.text) or self.text[at] == "\n"

    def _is_quoted(self, mark: re.Match[str]) -> bool:
        marked = self._before(mark) in set(_QUOTES) and self._after(mark) in set(_QUOTES)
        return marked or bisect_right(self.fences, mark.start()) % 2 == 1


def _channels(text: str) -> Parted | None:
    bare = _BARE_CHANNELS.fullmatch(text)
    if bare:
        return _parted(bare.group(2), [bare.group(1).removesuffix("assistant")])
    first = _CHANNEL.search(text)
    if first is None or _CHANNEL_END.sub("", text[: first.start()]).strip(_BLANK):
        return None
    answers: list[str] = []
    thoughts: list[str] = []
    said = False
    for channel in _CHANNEL.finditer(text):
        end = _CHANNEL_END.search(text, channel.end())
        body = text[channel.end() : end.start() if end else len(text)]
        final = channel.group(1).lower() == "final"
        (answers if final else thoughts).append(body)
        said = said or final
    return _parted("".join(answers), thoughts, open=not said)
