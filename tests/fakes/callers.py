"""An expert that asks models through the call log and does nothing else: each step is one call of a known size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from ba2_trade_platform.core.contracts.experts import AnalysisContext, Verdict
from ba2_trade_platform.core.contracts.language_models import Budgets, CallEnd, CallRecorder, CallStart, ModelSettings
from ba2_trade_platform.vocabulary import CallOutcome
from tests.fakes.experts import Scripted, hold

PRICES = "provider,model,valid_from,input,cached,output,source\nlab,dear,2020-01-01,10,1,30,this test\n"
CENTS = Decimal("0.04")  # what each call takes: 1,000 tokens in and 1,000 out


class Caller:
    """Makes one call a step, as many as there are steps; `made` names those that really were made, in their order."""

    def __init__(self, steps: Sequence[str] = ("One", "Two", "Three"), models: Mapping[str, str] | None = None) -> None:
        self.steps, self.models = steps, models or {}
        self.made: list[str] = []
        self.call_log: CallRecorder | None = None
        self.expert = Scripted("Caller", self.analyse)
        self.expert.settings_model = CallerSettings

    async def analyse(self, context: AnalysisContext) -> Verdict:
        """Make the calls one after the other."""
        for name in self.steps:
            await context.step(name, lambda name=name: self._call(context, name), inputs=name)
        return hold()

    def _call(self, context: AnalysisContext, name: str) -> str:
        assert self.call_log is not None, "nobody gave this expert a call log"
        settings = context.settings
        start = CallStart(
            analysis_id=context.analysis_id,
            attempt=context.attempt,
            expert_instance_id=context.expert_instance_id,
            symbol=context.symbol,
            step=name,
            provider="lab",
            model=self.models.get(name, "dear"),
            estimated_tokens_in=1000,
            max_output_tokens=1000,
            budgets=Budgets(_usd(settings.budget_per_analysis_usd), _usd(settings.budget_per_day_usd)),
        )
        call_id = self.call_log.begin(start)
        self.made.append(name)
        charge = self.call_log.end(call_id, CallEnd(CallOutcome.ANSWERED, 1000, 1000))
        context.charge("lab", charge.tokens, charge.cost)
        return name


class CallerSettings(ModelSettings):
    """The settings that every expert has that asks models."""


def _usd(amount: float | None) -> Decimal | None:
    return None if amount is None else Decimal(str(amount))


def settings_of(**budgets: float) -> dict[str, object]:
    """Return the settings of a Caller with these budgets."""
    return CallerSettings(**budgets).model_dump(mode="json")  # type: ignore[arg-type]  # a test's own values
