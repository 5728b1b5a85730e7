"""Model gateway: the only way to language models, so that every call is limited and recorded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ba2_trade_platform.core.base.access import PermissionCheck, needs
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Invalid, NotFound, PlatformError
from ba2_trade_platform.core.base.outbound import ANYWHERE, OutboundRule
from ba2_trade_platform.core.base.sanitizing import clean_name
from ba2_trade_platform.core.contracts.dialects import Adaptation
from ba2_trade_platform.core.contracts.experts import AnalysisContext, ExpertError
from ba2_trade_platform.core.contracts.language_models import CallContext, CallRecorder, ModelSettings
from ba2_trade_platform.core.contracts.model_checks import CheckRecorder, ConnectionTest, ModelCheck
from ba2_trade_platform.core.contracts.model_providers import Connection, Provider, ProviderDirectory
from ba2_trade_platform.llm.attempt_models import AttemptModels, model_of
from ba2_trade_platform.llm.calls import Caller, Offer
from ba2_trade_platform.llm.clients.factory import make_model
from ba2_trade_platform.llm.connection_test import (
    LONGEST_WAIT,
    ConnectionTester,
    Found,
    TestContext,
    settings_for,
    tested,
)
from ba2_trade_platform.llm.dialect_retry import DialectRetry
from ba2_trade_platform.llm.limits import MINUTE, Limiter, Rates
from ba2_trade_platform.llm.model_loop import ModelLoop
from ba2_trade_platform.llm.routing import Answered, Question, Router
from ba2_trade_platform.llm.windows.cuts import Memory
from ba2_trade_platform.llm.windows.known import Windows
from ba2_trade_platform.vocabulary import ErrorCode

if TYPE_CHECKING:
    from concurrent.futures import Future

    from langchain_core.language_models import BaseChatModel

    from ba2_trade_platform.llm.clients.factory import ScriptedModels

log = logging.getLogger(__name__)
LONGEST_MODEL = 200
_Key = tuple[Any, ...]


def _unheard(_: ModelCheck) -> None:
    """Tell nobody."""


class Gateway:
    """Gives each attempt its models. One of it serves a whole console; `close` ends what is under way.

    `scripted` makes the models of providers that are rehearsed and ask nobody; `checks` keeps what tests find; `rule`:
    where a provider's address may lead.
    """

    def __init__(
        self,
        providers: ProviderDirectory,
        call_log: CallRecorder,
        open_providers: Callable[[], AbstractSet[str]] = frozenset,
        minute: float = MINUTE,
        *,
        scripted: ScriptedModels,
        checks: CheckRecorder,
        check_permission: PermissionCheck,
        rule: OutboundRule = ANYWHERE,
    ) -> None:
        self.check_permission = check_permission
        self._providers = providers
        self._open_providers = open_providers
        self._minute = minute
        self._scripted = scripted
        self._checks = checks
        self._loop = ModelLoop()
        self._caller = partial(Caller, call_log, rule=rule, memory=Memory())
        self._windows = Windows(providers, rule, self._loop.aside)
        self._call_log = call_log
        self._models: dict[_Key, asyncio.Task[BaseChatModel]] = {}
        self._limiters: dict[str, Limiter] = {}

    def models_for(self, context: AnalysisContext) -> AttemptModels:
        """Return the models that one attempt may ask. Raises TypeError where its settings name no providers."""
        if not isinstance(context.settings, ModelSettings):
            raise TypeError(f"analysis {context.analysis_id}: the settings of its expert are no ModelSettings")
        return AttemptModels(self.ask, self._answered, self._providers.list, context, context.settings)

    async def _answered(self, context: CallContext, digest: str) -> Answered | None:
        """Return what an earlier attempt was answered whose console died; a first attempt has none before it."""
        if context.attempt == 1:
            return None
        kept = await self._loop.aside(self._call_log.answer, context.analysis_id, context.attempt, digest)
        if kept is None:
            return None
        from langchain_core.messages import messages_from_dict  # noqa: PLC0415 - LangChain, which is loaded by now

        (message,) = messages_from_dict([kept["message"]])
        message.response_metadata["answered_before"] = True
        return Answered(message, kept["provider"], kept["model"])  # type: ignore[arg-type]  # models answer with these

    async def ask(self, question: Question, order: Sequence[str]) -> Answered:
        """Return the first answer to a question; from any loop."""
        return await self._loop.call(self._ask(question, order))

    def test(
        self, name: str, model: str | None = None, *, by: Actor, heard: Callable[[ModelCheck], None] = _unheard
    ) -> ConnectionTest:
        """Try all that an analysis uses of a provider and say what came of it. Blocking. Raises NotFound or Invalid."""
        return self.begin_test(name, model, by=by, heard=heard).result()

    @needs(Action.TEST, Subject.PROVIDER)
    def begin_test(
        self, name: str, model: str | None = None, *, by: Actor, heard: Callable[[ModelCheck], None] = _unheard
    ) -> Future[ConnectionTest]:
        """Begin such a test; cancelling the future ends it. `heard` is told each finding, on the models' loop.

        `model` is asked in the place of both the quick and the deep one. Raises NotFound or Invalid.
        """
        provider = self._providers.connection(name).provider
        asked = None if model is None else clean_name(model, LONGEST_MODEL)
        if asked == "":
            raise Invalid("Name a model")
        log.info("%s tests the model provider %s", by, name)
        return self._loop.submit(
            self._test(provider, asked or provider.quick_model, asked or provider.deep_model, heard)
        )

    def close(self) -> None:
        """End what is under way, and forget what belonged to the loop that it was under way on."""
        self._loop.close()
        self._models.clear()
        self._windows.forget()
        self._limiters.clear()

    async def _ask(self, question: Question, order: Sequence[str]) -> Answered:
        open_providers = await self._loop.aside(self._open_providers)
        # Whoever fails for everybody just now is asked last, and not passed over: the others may fail too.
        sensible = sorted(order, key=lambda name: name in open_providers)
        retry = DialectRetry(self._caller(self._loop.pool), self._model, partial(self._loop.aside, self._remember))
        return await Router(retry, self._offer).ask(question, sensible)

    def _remember(self, provider: Provider, model: str, adaptation: Adaptation) -> None:
        try:
            self._providers.adapt(provider.name, model, adaptation, provider.version)
        except PlatformError as error:
            # It was answered and is paid; the next question finds out again.
            log.warning("What %s's %s took could not be written down: %s", provider.name, model, error)

    async def _offer(self, name: str, question: Question) -> Offer:
        try:
            connection = await self._loop.aside(self._providers.connection, name)
        except NotFound as error:
            raise ExpertError(ErrorCode.MODEL_NOT_FOUND, str(error), provider=name) from None
        provider = connection.provider
        if provider.unavailable is not None:
            raise ExpertError(ErrorCode.AUTH, f"{name} cannot be asked: {provider.unavailable}", provider=name)
        model = model_of(provider, question.settings, question.tier)
        made = await self._model(connection, model, question.settings)
        return Offer(connection, model, made, self._limiter(provider), await self._windows.of(connection, model))

    async def _model(self, connection: Connection, model: str, settings: ModelSettings) -> BaseChatModel:
        provider = connection.provider
        key = (
            provider.name, provider.version, provider.url, connection.key, model, repr(provider.spoken(model)),
            settings.temperature, settings.call_timeout_seconds, settings.max_output_tokens,
        )  # fmt: skip
        made = self._models.get(key)
        if made is None or (made.done() and (made.cancelled() or made.exception())):
            for old in [known for known in self._models if known[0] == key[0] and known[1:4] != key[1:4]]:
                del self._models[old]
            made = self._models[key] = asyncio.create_task(self._make(connection, model, settings))
        return await asyncio.shield(made)  # one that stops waiting must not take it from the others

    async def _make(self, connection: Connection, model: str, settings: ModelSettings) -> BaseChatModel:
        try:
            return await self._loop.aside(make_model, connection, model, settings, self._scripted)
        except (ValueError, ImportError) as error:
            name = connection.provider.name
            sentence = f"{name}'s {model} cannot be set up: {type(error).__name__}"
            log.warning("%s: %s", sentence, str(error).replace(connection.key or "\0", "[key]"))
            raise ExpertError(ErrorCode.BAD_REQUEST, sentence, provider=name) from None

    def _limiter(self, provider: Provider) -> Limiter:
        limiter = self._limiters.setdefault(provider.name, Limiter(self._minute))
        limiter.rates = Rates(provider.requests_per_minute, provider.tokens_per_minute, provider.concurrency)
        return limiter

    async def _test(
        self, provider: Provider, quick: str, deep: str, heard: Callable[[ModelCheck], None]
    ) -> ConnectionTest:
        name, begun = provider.name, time.monotonic()
        context = TestContext(settings_for(name, quick, deep), (name,))
        if provider.unavailable is not None:
            sentence = f"{name}: {provider.unavailable}"
            return ConnectionTest(name, quick, False, sentence, ErrorCode.AUTH, 0, None, None, False)
        await self._loop.aside(import_module, "ba2_trade_platform.llm.routed")  # LangChain, for seconds
        models = AttemptModels(
            self.ask, _nothing_before, self._providers.list, context, context.settings, longest_wait=LONGEST_WAIT
        )
        find = partial(self._window, name, quick)
        checks = await ConnectionTester(models, context, quick, deep, find, heard).run()
        await self._loop.aside(self._checks.keep, name, checks)
        now = await self._loop.aside(self._providers.connection, name)
        return tested(now.provider, checks, context, round(1000 * (time.monotonic() - begun)))

    async def _window(self, name: str, model: str) -> Found:
        connection = await self._loop.aside(self._providers.connection, name)
        window = (await self._windows.of(connection, model)).window
        return Found(None, "not known: enter it on Providers") if window is None else Found(True, window.words)


async def _nothing_before(context: CallContext, digest: str) -> None:  # noqa: ARG001 - a test is made anew
    return None
