"""Learning expert: it asks for lessons of its situation and decides as its settings say."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from ba2_trade_platform.core.contracts.experts import AnalysisContext, Verdict
from ba2_trade_platform.core.contracts.language_models import Recalled
from ba2_trade_platform.vocabulary import Signal, TimeHorizon
from tests.fakes.experts import Scripted


class LearnerSettings(BaseModel):
    """What it decides, and whether it remembers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory: bool = Field(True, title="Memory", description="Recall lessons of earlier decisions")
    action: Signal = Field(Signal.BUY, title="Action", description="What it recommends")
    situation: str = Field("The trend is up and the RSI is high", title="Situation", description="What it sees")
    target_percent: float | None = Field(None, title="Target", description="Above the price")
    stop_percent: float | None = Field(None, title="Stop", description="Below the price")
    horizon: TimeHorizon = Field(TimeHorizon.SHORT, title="Horizon", description="How long it holds")


class Learner(Scripted):
    """Writes down its situation, recalls lessons, and keeps what it recalled for the test."""

    settings_model = LearnerSettings

    def __init__(self) -> None:
        super().__init__("Learner", self._act)
        self.recalled: dict[int, Recalled] = {}

    async def _act(self, context: AnalysisContext) -> Verdict:
        settings = context.settings
        context.output("data", "Situation", settings.situation)
        if settings.memory:
            self.recalled[context.analysis_id] = await context.memory.recall(settings.situation)
            warning = self.recalled[context.analysis_id].warning
            if warning:
                context.warn(warning)
        price = Decimal(str(round(float(context.prices.bars(context.symbol, limit=1).close[-1]), 4)))
        return Verdict(
            action=settings.action,
            confidence=70,
            expected_profit_percent=5,
            price=price,
            target_price=_moved(price, settings.target_percent),
            stop_price=_moved(price, settings.stop_percent),
            time_horizon=settings.horizon,
            details="Because the trend is up",
        )


def _moved(price: Decimal, percent: float | None) -> Decimal | None:
    return None if percent is None else round(price * (1 + Decimal(str(percent)) / 100), 4)
