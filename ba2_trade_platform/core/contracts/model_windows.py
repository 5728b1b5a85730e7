"""Model window: the tokens of question and answer that a model holds, and the form of a question made to fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


class WindowSource(StrEnum):
    """Who says how large a window is; the first that is known counts."""

    SET = "set"
    ASKED = "asked"
    KNOWN = "known"
    DIALECT = "dialect"

    @property
    def words(self) -> str:
        """Return it for a person."""
        return _WORDS[self]


_WORDS = {
    WindowSource.SET: "as set on Providers",
    WindowSource.ASKED: "as its server says",
    WindowSource.KNOWN: "known",
    WindowSource.DIALECT: "usual of its vendor",
}


@dataclass(frozen=True)
class Window:
    """The tokens that question and answer may have together."""

    tokens: int
    source: WindowSource

    @property
    def words(self) -> str:
        """Return it for a person, such as "200,000 tokens (known)"."""
        return f"{self.tokens:,} tokens ({self.source.words})"


@dataclass(frozen=True)
class Shortened:
    """A question with less in it; `left_out` says what is missing, in words for a person."""

    messages: Sequence[BaseMessage]
    left_out: tuple[str, ...]


# Given a question that is too long for whoever is asked, and what tells whether one fits: a question that does, or the
# shortest that its asker can make of it. It changes nothing but what it returns: another provider may hold more.
Shorten = Callable[["Sequence[BaseMessage]", Callable[["Sequence[BaseMessage]"], bool]], Shortened]
LEFT_OUT = "left_out"  # where an answer's response_metadata says what its question lacked
