"""Model services: builds providers, costs, gateway and memory, and the toolkit that experts are given."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ba2_trade_platform.app.outbound_rules import outbound_rule
from ba2_trade_platform.core.base.app_settings import DeskSettings
from ba2_trade_platform.core.base.encryption import SecretBox
from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.contracts.toolkit import ExpertToolkit
from ba2_trade_platform.core.lessons.learning import Learning
from ba2_trade_platform.core.lessons.lessons import Lessons
from ba2_trade_platform.core.models.call_log import CallLog
from ba2_trade_platform.core.models.checks import ModelChecks
from ba2_trade_platform.core.models.costs import Costs
from ba2_trade_platform.core.models.known_models import KnownModels
from ba2_trade_platform.core.models.price_imports import PriceImports
from ba2_trade_platform.core.models.pricing import Pricing
from ba2_trade_platform.core.models.providers import ModelProviders
from ba2_trade_platform.llm.gateway import Gateway
from ba2_trade_platform.market.research.sources import ResearchSource, research_for
from ba2_trade_platform.memory.embedders import missing_package, open_embedder
from ba2_trade_platform.memory.recall import memory_for
from ba2_trade_platform.memory.service import LessonMemory
from ba2_trade_platform.memory.store import VectorStore
from ba2_trade_platform.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class ModelServices:
    """The services around language models; nothing is imported, opened or asked yet.

    `open_providers`: whose breaker is open. `minute`: how long one of the providers' limits lasts, in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        box: SecretBox,
        app_settings: DeskSettings,
        open_providers: Callable[[], AbstractSet[str]],
        minute: float,
    ) -> None:
        if not settings.langsmith:
            os.environ["LANGSMITH_TRACING_V2"] = "false"  # the first that LangSmith looks at
        self.providers = ModelProviders(store, box, os.environ)
        self.pricing = Pricing(settings.data_dir / "prices.csv")
        self.price_imports = PriceImports(store, self.pricing)
        self.calls = CallLog(store, self.pricing)
        self.checks = ModelChecks(store)
        self.costs = Costs(store, app_settings)
        self.known = KnownModels(store, self.providers, self.pricing, self.calls.price_of, self.checks)
        self.gateway = Gateway(
            self.providers,
            self.calls,
            open_providers,
            minute,
            scripted=scripted_model,
            checks=self.checks,
            check_permission=store.check_permission,
            rule=outbound_rule(settings, loopback=True),
        )

    def own(self) -> None:
        """Bring what a console left behind into order; only for one that has just taken the database."""
        self.calls.end_interrupted()
        self.providers.seed_if_empty()

    def stop(self) -> None:
        """End the calls under way and write down what they took."""
        self.gateway.close()
        with suppress(Unavailable):  # the next start ends as interrupted what cannot be written
            self.calls.write_owed()


def open_memory(settings: Settings, store: Store, lessons: Lessons, market: Prices) -> LessonMemory:
    """Put the memory of decisions together; its store is opened on first use."""
    choice = settings.memory_embedder
    vectors = VectorStore(settings.data_dir / "memory", partial(open_embedder, choice)) if settings.memory else None
    return LessonMemory(
        lessons, Learning(store, market), store.check_permission, vectors, choice, missing_package(choice)
    )


def open_toolkit(settings: Settings, gateway: Gateway, memory: LessonMemory, research: ResearchSource) -> ExpertToolkit:
    """Return what each attempt is given beside its prices."""
    return ExpertToolkit(
        models_for=gateway.models_for,
        memory_for=partial(memory_for, memory),
        research_for=partial(research_for, research),
        folder=settings.data_dir / "experts",
    )


def scripted_model(model: str) -> BaseChatModel:
    """Return the rehearsal model of this name. Blocking: the first one imports LangChain, for seconds."""
    from ba2_trade_platform.demo.scripted_model.model import ScriptedModel  # noqa: PLC0415 - LangChain

    return ScriptedModel(model_name=model)
