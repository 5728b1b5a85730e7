"""Model desk: a stepped desk whose attempts may ask models, with real providers and gateway and local servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ba2_trade_platform.core.contracts.language_models import ModelSettings
from ba2_trade_platform.core.models.costs import Call
from ba2_trade_platform.core.models.providers import ModelProviders
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.market.prices.as_of import PricesAt
from ba2_trade_platform.vocabulary import CallOutcome, ProviderKind
from tests.fakes.context import RecordingContext
from tests.platforms import TRADER
from tests.stepped import Desk, make_desk

NOON = datetime(2014, 6, 2, 16, tzinfo=UTC)
KEY = "a-word-that-only-the-provider-knows"
LONGEST_CALL = 600  # seconds: no call of a test ends because of it
NAMES = ("local", "first", "second", "some", "cut", "claude", "llama")
PRICES = "provider,model,valid_from,input,cached,output\n" + "".join(f"{name},*,2014-01-01,1,1,1\n" for name in NAMES)
_MARKET = DemoMarket()


@dataclass(frozen=True)
class ModelDesk:
    """The services that model calls need."""

    desk: Desk

    @property
    def providers(self) -> ModelProviders:
        """The console's model providers."""
        return self.desk.platform.models.providers

    def add(self, name: str, url: str, kind: ProviderKind = ProviderKind.OPENAI, **values: Any) -> None:
        """Add a provider at this address."""
        given = {"quick_model": "fake-mini", "deep_model": "fake", "base_url": url, "key": KEY, **values}
        self.providers.create(name, kind, by=TRADER, **given)

    def calls(self) -> list[Call]:
        """Return the calls of the attempt as the book has them, in the order in which they began."""
        return list(reversed(self.desk.platform.models.costs.calls(1)))

    def outcomes(self) -> list[CallOutcome | None]:
        """Return how they ended, None for those under way."""
        return [call.outcome for call in self.calls()]

    def attempt(self, *providers: str, **settings: Any) -> RecordingContext:
        """Return an attempt that may ask these."""
        given = {"providers": providers, "call_retries": 0, "call_timeout_seconds": LONGEST_CALL, **settings}
        chosen = ModelSettings(**given)
        context = RecordingContext(chosen, PricesAt(_MARKET, NOON), providers=providers)
        context.models = self.desk.platform.models.gateway.models_for(context)
        return context


@contextmanager
def model_desk(folder: Path, minute: float = 60, **settings: Any) -> Iterator[ModelDesk]:
    """Put the services together for the length of a block; a token costs a millionth of a dollar, whoever answers."""
    (folder / "prices.csv").write_text(PRICES)
    desk = make_desk(folder, minute=minute, **settings)
    try:
        yield ModelDesk(desk)
    finally:
        desk.close()


async def say(context: RecordingContext, *texts: str) -> str:
    """Ask the quick model, inside a step as an expert does, and return its words."""
    from langchain_core.messages import HumanMessage

    messages: Sequence[Any] = [HumanMessage(text) for text in texts or ("What do you think?",)]

    async def ask() -> str:
        return str((await context.models.chat("quick").ainvoke(list(messages))).text)

    return await context.step("Think", ask)
