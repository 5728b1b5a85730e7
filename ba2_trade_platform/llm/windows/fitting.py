"""Fitting question: held against a model's window before it is paid for, and shortened where it must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.model_windows import Shorten, Window
from ba2_trade_platform.llm.windows.estimates import Estimate, tokens_in
from ba2_trade_platform.vocabulary import ErrorCode

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from ba2_trade_platform.llm.calls import Offer

Messages = Sequence["BaseMessage"]
Request = Callable[["Messages"], tuple["Messages", Mapping[str, Any]]]
WHAT_TO_DO = (
    "give it a larger window on Providers (/providers) if it has one, choose a model that holds more, or ask for fewer"
    " rounds and less news"
)


@dataclass(frozen=True)
class Fitted:
    """A question as it is sent, how many tokens it has, and what was left out of it, in words."""

    messages: Messages
    options: Mapping[str, Any]
    estimate: Estimate
    left_out: tuple[str, ...] = ()


def fitted(messages: Messages, request: Request, answer: int, shorten: Shorten | None, offer: Offer) -> Fitted:
    """Return the question so that it and an `answer` of so many tokens fit the offer's window, shortened if need be.

    `request` makes the messages and options that are sent. Raises ExpertError CONTEXT_OVERFLOW where it cannot fit.
    A question is shortened until it fits even by the highest estimate; it is refused only where the likely one is too
    high.
    """

    window = offer.held.window

    def made(given: Messages) -> Fitted:
        sent, options = request(given)
        return Fitted(sent, options, tokens_in(sent, options))

    def fits(given: Messages) -> bool:
        return window is None or made(given).estimate.most + answer <= window.tokens

    found = made(messages)
    if window is None or found.estimate.most + answer <= window.tokens:
        return found
    if shorten is not None:
        shortened = shorten(messages, fits)
        found = made(shortened.messages)
        found = Fitted(found.messages, found.options, found.estimate, shortened.left_out)
    if found.estimate.likely + answer > window.tokens:
        raise ExpertError(ErrorCode.CONTEXT_OVERFLOW, _too_long(found, window, answer, offer), provider=offer.provider)
    return found


def _too_long(found: Fitted, window: Window, answer: int, offer: Offer) -> str:
    whole = " even in short" if found.left_out else ""
    return (
        f"The question is too long for {offer.who}{whole}, and was not asked: it has about"
        f" {found.estimate.likely:,} tokens, its answer may have {answer:,}, and the model holds {window.words};"
        f" {WHAT_TO_DO}"
    )
