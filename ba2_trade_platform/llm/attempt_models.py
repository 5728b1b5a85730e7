"""Attempt models: the chat model and structured answers of one attempt, routed, budgeted and recorded."""

from __future__ import annotations

import contextvars
import hashlib
import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import CallContext, ModelSettings, Tier, step_name
from ba2_trade_platform.core.contracts.model_providers import Provider
from ba2_trade_platform.core.contracts.model_windows import Shorten
from ba2_trade_platform.llm import structured
from ba2_trade_platform.llm.answers.thinking import own_thoughts
from ba2_trade_platform.llm.calls import Offer
from ba2_trade_platform.llm.routing import Answered, Question, Wording
from ba2_trade_platform.llm.turned_away import TurnedAway
from ba2_trade_platform.llm.windows.fitting import Messages
from ba2_trade_platform.vocabulary import ErrorCode

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage

    from ba2_trade_platform.llm.routed import RoutedModel

Answer = TypeVar("Answer", bound=BaseModel)
TOOL_OPTIONS = ("tool_choice", "strict", "parallel_tool_calls")


@dataclass(frozen=True)
class AttemptModels:
    """The models of one attempt; see core.contracts.language_models.Models for what each part promises."""

    route: Callable[[Question, Sequence[str]], Awaitable[Answered]]
    answered_before: Callable[[CallContext, str], Awaitable[Answered | None]]
    providers: Callable[[], Sequence[Provider]]
    context: CallContext
    settings: ModelSettings
    turned_away: TurnedAway = field(default_factory=TurnedAway)
    longest_wait: float = math.inf  # for a provider's limits a minute, in seconds

    def chat(self, tier: Tier, shorten: Shorten | None = None) -> BaseChatModel:
        """Return the model that an agent is given."""

        async def answer(messages: Sequence[BaseMessage], options: dict[str, Any]) -> AIMessage:
            tools = [tool["function"]["name"] for tool in options.get("tools", ())]
            digest = _digest(tier, messages, tools)

            def shape(offer: Offer, given: Messages) -> tuple[Messages, Mapping[str, Any]]:
                return _for_provider(offer, own_thoughts(given, offer.provider), options)

            answered = await self._asked(tier, Wording(messages, shape, shorten), digest)
            if answered.message.invalid_tool_calls:
                sentence = f"{answered.provider}'s {answered.model} called a tool with arguments that are no valid JSON"
                raise ExpertError(ErrorCode.OUTPUT_INVALID, sentence, provider=answered.provider)
            return answered.message

        return _routed(answer, tier)

    async def ask(
        self, tier: Tier, messages: Sequence[BaseMessage], schema: type[Answer], shorten: Shorten | None = None
    ) -> Answer:
        """Return the model's answer as `schema`, at the second try if need be."""
        try:
            return await self._read(tier, messages, schema, shorten)
        except _UnusableError as first:
            again = structured.corrected(messages, first.answer, first.problem)
        try:
            return await self._read(tier, again, schema, shorten)
        except _UnusableError as second:
            sentence = f"{second.who} gave no readable {schema.__name__}, at the second try neither: {second.problem}"
            raise ExpertError(ErrorCode.OUTPUT_INVALID, sentence, provider=second.provider) from None

    def describe(self) -> Mapping[str, Any]:
        """Return who is asked, and for what."""
        known = {provider.name: provider for provider in self.providers()}
        return {
            "providers": [
                {
                    "name": provider.name,
                    "kind": provider.kind.value,
                    "quick": model_of(provider, self.settings, "quick"),
                    "deep": model_of(provider, self.settings, "deep"),
                }
                for name in self.context.providers
                if (provider := known.get(name)) is not None
            ],
            "temperature": self.settings.temperature,
            "max_output_tokens": self.settings.max_output_tokens,
        }

    async def _read(
        self, tier: Tier, messages: Sequence[BaseMessage], schema: type[Answer], shorten: Shorten | None
    ) -> Answer:
        def shape(offer: Offer, given: Messages) -> tuple[Messages, Mapping[str, Any]]:
            options = structured.options_of(offer.dialect, offer.model, schema)
            return structured.instructed(given, offer.dialect, schema), options

        answers: list[Answered] = []

        async def answer(given: Sequence[BaseMessage], _: dict[str, Any]) -> AIMessage:
            wording = Wording(given, shape, shorten)
            answers.append(await self._asked(tier, wording, _digest(tier, messages, schema.__name__)))
            return answers[-1].message

        try:
            # By way of LangChain, so that whoever listens to the agent hears this call too.
            await _routed(answer, tier).ainvoke(list(messages))
        except ExpertError as error:
            if error.code is not ErrorCode.OUTPUT_INVALID:
                raise
            raise _UnusableError(error.provider or "the model", error.provider, str(error)) from None
        answered = answers[-1]
        try:
            return structured.read(answered.message, schema)
        except structured.UnreadableError as error:
            who = f"{answered.provider}'s {answered.model}"
            raise _UnusableError(who, answered.provider, str(error), structured.shown(answered.message)) from None

    async def _asked(self, tier: Tier, wording: Wording, digest: str) -> Answered:
        context, settings = self.context, self.settings
        answered = await self.answered_before(context, digest)
        if answered is None:
            caller_context = contextvars.copy_context()
            question = Question(
                context,
                caller_context,
                settings,
                tier,
                step_name.get(),
                wording,
                digest,
                self.turned_away,
                self.longest_wait,
            )
            # First the provider whose model the settings name for this tier.
            owner = _named(settings, tier).partition(":")[0]
            answered = await self.route(question, sorted(context.providers, key=lambda name: name != owner))
        answered.message.response_metadata["provider_name"] = answered.provider
        return answered


def _routed(answer: Callable[[Sequence[BaseMessage], dict[str, Any]], Awaitable[AIMessage]], tier: Tier) -> RoutedModel:
    from ba2_trade_platform.llm.routed import RoutedModel  # noqa: PLC0415 - LangChain

    return RoutedModel(answer=answer, tier=tier)


class _UnusableError(Exception):
    def __init__(self, who: str, provider: str | None, problem: str, answer: str = "") -> None:
        super().__init__(problem)
        self.who, self.provider, self.problem, self.answer = who, provider, problem, answer


def model_of(provider: Provider, settings: ModelSettings, tier: Tier) -> str:
    """Return the model that a provider is asked for: the settings' where they name this provider, else its own."""
    owner, _, model = _named(settings, tier).partition(":")
    if owner == provider.name and model:
        return model
    return provider.quick_model if tier == "quick" else provider.deep_model


def _named(settings: ModelSettings, tier: Tier) -> str:
    return (settings.quick_model if tier == "quick" else settings.deep_model) or ""


def _for_provider(
    offer: Offer, messages: Sequence[BaseMessage], options: Mapping[str, Any]
) -> tuple[Sequence[BaseMessage], dict[str, Any]]:
    """Return an agent's messages and options with its tools as this provider takes them."""
    given = dict(options)
    tools = given.pop("tools", None)
    said = messages if offer.dialect.tools else structured.without_tools(messages)
    if not tools:
        return said, given
    choice: dict[str, Any] = {name: given.pop(name) for name in TOOL_OPTIONS if name in given}
    return said, {**given, **structured.bound_tools(offer.dialect, offer.model, tools, choice)}


def _digest(tier: Tier, messages: Sequence[BaseMessage], shape: object) -> str:
    """Return what tells this question of this step from every other; ids that LangChain draws anew are left out."""
    said = [[message.type, message.text, getattr(message, "tool_calls", None)] for message in messages]
    whole = json.dumps([step_name.get(), tier, shape, said], default=str, sort_keys=True)
    return hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest()[:32]
