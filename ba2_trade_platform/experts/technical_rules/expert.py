"""TechnicalRules expert: four classical indicators vote on daily bars, and the weighted vote decides."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from pydantic import BaseModel

from ba2_trade_platform.core.contracts.experts import (
    AnalysisContext,
    Bars,
    Requirement,
    Verdict,
    broker_for_open_positions,
)
from ba2_trade_platform.experts.technical_rules import indicators, report, signals
from ba2_trade_platform.experts.technical_rules.decision import Ballot, Quote, decide
from ba2_trade_platform.experts.technical_rules.settings import TechnicalRulesSettings
from ba2_trade_platform.experts.technical_rules.signals import Vote
from ba2_trade_platform.vocabulary import TimeHorizon

LOAD = "Load prices"
BARS_READ = 600  # twice the warm-up that an expert requires: recursive indicators have forgotten where they began
History = Callable[[], Bars]


@dataclass(frozen=True)
class Signal:
    """One rule as these settings configure it; `parameters` are the settings its vote depends on."""

    name: str
    rule: Callable[[str, Bars, TechnicalRulesSettings], Vote]
    parameters: dict[str, Any]
    weight: float
    horizon: TimeHorizon


class TechnicalRules:
    """See the module; stateless, one object serves all analyses."""

    name = "TechnicalRules"
    description = (
        "MACD, SMA cross, KDJ with RSI and z-score mean reversion vote on daily bars; ATR sets stop and target."
    )
    settings_model: type[BaseModel] = TechnicalRulesSettings
    safe_to_repeat = True
    can_resume = True

    def requirements(self, settings: BaseModel) -> list[Requirement]:  # noqa: ARG002 - the same for all settings
        """Return what it needs: for open positions, a broker; no key and no network."""
        return [broker_for_open_positions()]

    def providers(self, settings: BaseModel) -> Sequence[str]:  # noqa: ARG002 - the same for all settings
        """Return none: it reads prices only."""
        return ()

    async def analyse(self, context: AnalysisContext) -> Verdict:
        """Analyse the daily bars; raise ExpertError SYMBOL_INVALID, DATA_MISSING (under 300 bars) or STALE_DATA.

        Prices are read in every attempt; on a resumed one the steps after it are reused while the bars are the same.
        """
        settings: TechnicalRulesSettings = context.settings
        rules = signals_of(settings)
        # Asked for once, off the loop, by the first step that needs them.
        history = cache(lambda: context.prices.bars(context.symbol, limit=BARS_READ).require())
        context.expect(len(rules) + 2)
        loaded = await context.step(
            LOAD,
            partial(load_prices, context, history),
            inputs={"symbol": context.symbol, "as_of": context.as_of.isoformat()},
            after=(),
            always=True,
        )
        seen = {key: loaded[key] for key in ("symbol", "last_session", "digest")}
        ballots: list[Ballot] = []
        for signal in rules:
            result = await context.step(
                signal.name,
                partial(cast_vote, context, history, signal, ballots),
                inputs=seen | {"settings": signal.parameters},
                after=(LOAD,),
            )
            ballots.append(Ballot(Vote.model_validate(result), signal.weight, signal.horizon))
        verdict = await context.step(
            "Combine",
            partial(combine, context, history, ballots),
            inputs=seen | {"settings": settings.model_dump(mode="json")},
            after=[signal.name for signal in rules],
        )
        return Verdict.model_validate(verdict)


def signals_of(settings: TechnicalRulesSettings) -> tuple[Signal, ...]:
    """Return the four rules in the order of their steps, named by their periods."""
    s = settings

    def of(*prefixes: str) -> dict[str, Any]:
        return {key: value for key, value in s.model_dump(mode="json").items() if key.startswith(prefixes)}

    macd = f"MACD {s.macd_fast}/{s.macd_slow}/{s.macd_signal}"
    sma = f"SMA cross {s.sma_fast}/{s.sma_slow}"
    kdj_rsi = f"KDJ {s.kdj_period}/{s.kdj_k}/{s.kdj_d} and RSI {s.rsi_period}"
    z_score = f"Mean reversion z-score {s.z_period}"
    return (
        Signal(macd, signals.macd_vote, of("macd_"), s.macd_weight, TimeHorizon.MEDIUM),
        Signal(sma, signals.sma_cross_vote, of("sma_"), s.sma_weight, TimeHorizon.LONG),
        Signal(kdj_rsi, signals.kdj_rsi_vote, of("kdj_", "rsi_"), s.kdj_rsi_weight, TimeHorizon.SHORT),
        Signal(z_score, signals.z_score_vote, of("z_"), s.z_weight, TimeHorizon.SHORT),
    )


def load_prices(context: AnalysisContext, history: History) -> dict[str, Any]:
    """Read the bars and return what identifies them; the digest changes with any high, low or close."""
    bars = history()
    context.check()
    digest = hashlib.sha256(b"".join(series.tobytes() for series in (bars.high, bars.low, bars.close)))
    context.output("prices", LOAD, report.prices(bars))
    context.save_state({"symbol": bars.symbol, "last_session": str(bars.sessions[-1]), "votes": {}})
    return {
        "symbol": bars.symbol,
        "bars": len(bars),
        "first_session": str(bars.sessions[0]),
        "last_session": str(bars.sessions[-1]),
        "close": float(bars.close[-1]),
        "digest": digest.hexdigest(),
    }


def cast_vote(context: AnalysisContext, history: History, signal: Signal, earlier: list[Ballot]) -> dict[str, Any]:
    """Let one signal vote, write its numbers, and keep the votes so far as the analysis' state."""
    bars = history()
    vote = signal.rule(signal.name, bars, context.settings)
    context.output("signal", signal.name, report.vote(vote, signal.weight), vote.model_dump(mode="json"))
    votes = {ballot.vote.name: ballot.vote.score for ballot in earlier} | {vote.name: vote.score}
    context.save_state({"symbol": bars.symbol, "last_session": str(bars.sessions[-1]), "votes": votes})
    return vote.model_dump(mode="json")


def combine(context: AnalysisContext, history: History, ballots: list[Ballot]) -> dict[str, Any]:
    """Weigh the votes, set stop and target by the average true range, and write the reason."""
    bars, settings = history(), context.settings
    atr = indicators.atr(bars.high, bars.low, bars.close, settings.atr_period)
    verdict = decide(ballots, Quote(float(bars.close[-1]), float(atr[-1]), bars.currency), settings)
    context.output("decision", "Combine", verdict.details, verdict.model_dump(mode="json", exclude={"details"}))
    return verdict.model_dump(mode="json")
