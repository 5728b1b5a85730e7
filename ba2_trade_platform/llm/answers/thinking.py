"""Thinking: takes the musings of a model off its answer, in whichever marks they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

# Where a message keeps what was thought, as text to read; never sent anywhere.
THINKING = "thinking"
_NAMES = r"(?:think|thinking|thoughts?|reasoning|scratchpad|antthinking|seed:think)"
_OPENS = (
    rf"(?:<|&lt;){_NAMES}(?:\s+[\w-]+\s*=[^<>\n]*)?\s*(?:>|&gt;)",
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
    r"<(answer|response|final|final_answer)>\s*(.*?)\s*(?:</\1>)?|<\|(?:begin_of_box|START_RESPONSE)\|>\s*(.*?)\s*"
    r"(?:<\|(?:end_of_box|END_RESPONSE)\|>)?",
    re.IGNORECASE | re.DOTALL,
)
# The channels of OpenAI's open models, where their server leaves them in the text, marks and all or words alone.
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*(?:<\|(?!message)[^|]*\|>[^<]*)*<\|message\|>", re.IGNORECASE)
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>[^<]*", re.IGNORECASE)
_BARE_CHANNELS = re.compile(r"analysis(?=\S)(.*?)(?:assistant)?(?<=assistant)final(.*)", re.DOTALL)
_FENCE = re.compile(r"^\s*(?:```|~~~)", re.MULTILINE)
_QUOTES = "`'\"\u201c\u201d\u2018\u2019\u00ab\u00bb"
_GOES_ON = " ,.;:!?)"
_BLANK = " \t\r\n\ufeff\u200b"


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
    while opened := _OPEN.match(rest):
        closed = _CLOSE.search(rest, opened.end())
        if closed is None:
            return _parted("", [*thoughts, rest[opened.end() :]], open=True)
        thoughts.append(rest[opened.end() : closed.start()])
        rest = rest[closed.end() :].lstrip(_BLANK)
    closed = _lone_close(rest)
    if closed is not None:
        thoughts.append(rest[: closed.start()])
        rest = rest[closed.end() :].lstrip(_BLANK)
    rest = _without_blocks(rest, thoughts)
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


def _lone_close(text: str) -> re.Match[str] | None:
    """Return the mark that ends thinking whose beginning stands in the prompt; None where it is merely quoted."""
    opened = _OPEN.search(text)
    for closed in reversed(list(_CLOSE.finditer(text))):
        begins, ends = _edges(text, closed)
        in_prose = text[: closed.start()].endswith(" ") and text[closed.end() : closed.end() + 1] in set(_GOES_ON)
        of_its_own = opened is None or closed.start() < opened.start() or (begins and not _edges(text, opened)[0])
        if of_its_own and (ends or not in_prose) and not _quoted(text, closed):
            return closed
    return None


def _edges(text: str, mark: re.Match[str]) -> tuple[bool, bool]:
    """Tell whether a mark begins its line, and whether it ends it."""
    begins = not text[: mark.start()].rpartition("\n")[2].strip()
    return begins, not text[mark.end() :].partition("\n")[0].strip()


def _without_blocks(text: str, thoughts: list[str]) -> str:
    """Take off thinking between two parts of an answer: it has lines of its own, as no quotation has."""
    kept: list[str] = []
    at = 0
    while opened := _OPEN.search(text, at):
        closed = _CLOSE.search(text, opened.end())
        if closed is None:
            break
        if _edges(text, opened)[0] and _edges(text, closed)[1] and not _quoted(text, opened):
            kept.append(text[at : opened.start()])
            thoughts.append(text[opened.end() : closed.start()])
            at = closed.end()
        else:
            kept.append(text[at : opened.end()])
            at = opened.end()
    return "".join((*kept, text[at:]))


def _quoted(text: str, mark: re.Match[str]) -> bool:
    before, after = text[: mark.start()], text[mark.end() :]
    marked = before[-1:] in set(_QUOTES) and after[:1] in set(_QUOTES)
    return marked or len(_FENCE.findall(before)) % 2 == 1


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
