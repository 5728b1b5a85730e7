"""Dialect retry: asks once more, another way, where a server refuses how it was asked, and has that remembered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeGuard

from ba2_trade_platform.core.contracts.dialects import Adaptation
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import ModelSettings
from ba2_trade_platform.core.contracts.model_providers import Connection, Provider
from ba2_trade_platform.core.contracts.model_windows import Window, WindowSource
from ba2_trade_platform.llm.calls import Call, Caller, Offer
from ba2_trade_platform.llm.dialect_refusals import next_change
from ba2_trade_platform.llm.failures import PASSING, ProviderError
from ba2_trade_platform.vocabulary import ErrorCode

if TYPE_CHECKING:
    from datetime import datetime

    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

MOST_FIELDS = 3


@dataclass(frozen=True)
class DialectRetry:
    """What a retry in another dialect takes: a way to ask, the model's client made anew, and a memory."""

    caller: Caller
    model_of: Callable[[Connection, str, ModelSettings], Awaitable[BaseChatModel]]
    remember: Callable[[Provider, str, Adaptation], Awaitable[None]]


@dataclass
class Asking:
    """One question to one provider, over all its repeats. `tried` is not known to be taken until it is answered."""

    retry: DialectRetry
    usual: Offer
    settings: ModelSettings
    call_to: Callable[[Offer], Call]
    now: Callable[[], datetime]
    warn: Callable[[str], None]
    tried: list[Adaptation] = field(default_factory=list)
    first: ExpertError | None = None

    def __post_init__(self) -> None:
        self._offer = self.usual
        self._remembered = 0
        self._most_tokens = 0  # that question and answer may have had

    async def make(self) -> AIMessage:
        """Return the answer. Raises ExpertError: the first where the other way was refused too."""
        while True:
            answer = await self._made()
            if not isinstance(answer, ExpertError):
                await self._remember()
                return answer
            if not await self._goes_on(answer):
                break
        if self.first is not None and self._is_refused_again(answer):
            self._offer = self.usual
            raise self.first
        if answer.code is ErrorCode.OUTPUT_INVALID:  # it took how it was asked, whatever it made of it
            await self._remember()
        raise answer

    def _is_refused_again(self, error: ExpertError) -> bool:
        """Tell whether the other way was refused too; what passes says nothing of it, and is repeated."""
        return (
            self._offer is not self.usual
            and _is_refusal(error)
            and (error.code not in PASSING or (self.first is not None and self.first.code in PASSING))
        )

    async def _made(self) -> AIMessage | ExpertError:
        try:
            call = self.call_to(self._offer)
            most = call.estimate.most if call.estimate else 0
            self._most_tokens = most + call.start.max_output_tokens
            return await self.retry.caller.make(call)
        except ExpertError as error:
            return error

    async def _goes_on(self, error: ExpertError) -> bool:
        """Make the next offer where the error's words say what to ask otherwise."""
        if isinstance(error, ProviderError) and error.window is not None:
            return await self._learns(error, error.window)
        if not _is_refusal(error) or len(self.tried) >= MOST_FIELDS:
            return False
        connection, model = self._offer.connection, self._offer.model_name
        fields = [one.field for one in self.tried]
        found = next_change(error.words, self._offer.dialect, fields)
        if found is None:
            return False
        self.first = self.first or error
        adaptation = Adaptation(*found, str(error), self.now())
        self.tried.append(adaptation)
        adapted = replace(connection, provider=connection.provider.adapted(model, adaptation))
        made = await self.retry.model_of(adapted, model, self.settings)
        self._offer = replace(self._offer, connection=adapted, model=made)
        return True

    async def _learns(self, error: ProviderError, tokens: int) -> bool:
        """Have the window kept that a refusal named; the question is asked again in short where that was not known.

        What a person set is not changed, and what question and answer cannot have exceeded is no window.
        """
        held = self.usual.held
        known = held.window
        if tokens >= self._most_tokens or (known and (known.source is WindowSource.SET or known.tokens <= tokens)):
            return False
        held.window = Window(tokens, WindowSource.ASKED)
        await self._keep(Adaptation("window", tokens, str(error), self.now()))
        return True

    async def _remember(self) -> None:
        """Have what was answered kept for all who ask this model, and tell this analysis."""
        if self._offer is self.usual:
            return
        for adaptation in self.tried[self._remembered :]:
            await self._keep(adaptation)
        self._remembered = len(self.tried)

    async def _keep(self, adaptation: Adaptation) -> None:
        usual, model = self.usual, self.usual.model_name
        await self.retry.remember(usual.connection.provider, model, adaptation)
        self.warn(f"{usual.who} is asked {adaptation.words} from now on: {adaptation.reason}")


def _is_refusal(error: ExpertError) -> TypeGuard[ProviderError]:
    return isinstance(error, ProviderError) and bool(error.words)
