"""TechnicalRules settings: parameters with bounds, from which form, API and storage are made."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Weight = Annotated[float, Field(ge=0, le=10)]
Level = Annotated[float, Field(ge=1, le=99)]

# The longest look-back together with a cross window stays below the 300 bars that every expert requires.


class TechnicalRulesSettings(BaseModel):
    """Periods are in sessions, levels in indicator units, weights relative to each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    macd_fast: int = Field(12, ge=2, le=60, title="MACD fast period", description="Sessions of the faster average")
    macd_slow: int = Field(26, ge=3, le=100, title="MACD slow period", description="Sessions of the slower average")
    macd_signal: int = Field(9, ge=2, le=50, title="MACD signal period", description="Sessions of the signal line")
    sma_fast: int = Field(50, ge=5, le=120, title="Fast SMA", description="Sessions of the faster simple average")
    sma_slow: int = Field(200, ge=20, le=240, title="Slow SMA", description="Sessions of the slower simple average")
    sma_cross_window: int = Field(
        20, ge=1, le=40, title="Fresh SMA cross", description="Sessions within which a golden or death cross is fresh"
    )
    kdj_period: int = Field(9, ge=3, le=60, title="KDJ period", description="Sessions of the high-low range")
    kdj_k: int = Field(3, ge=1, le=20, title="KDJ K smoothing", description="Smoothing of K, in sessions")
    kdj_d: int = Field(3, ge=1, le=20, title="KDJ D smoothing", description="Smoothing of D, in sessions")
    kdj_low: Level = Field(20, title="KDJ low zone", description="A K-D cross upwards counts when D is below this")
    kdj_high: Level = Field(80, title="KDJ high zone", description="A K-D cross downwards counts when D is above this")
    rsi_period: int = Field(14, ge=2, le=60, title="RSI period", description="Sessions of the relative strength index")
    rsi_oversold: Level = Field(30, title="RSI oversold", description="At or below this the RSI votes to buy")
    rsi_overbought: Level = Field(70, title="RSI overbought", description="At or above this the RSI votes to sell")
    z_period: int = Field(20, ge=5, le=120, title="Z-score period", description="Sessions of the mean to revert to")
    z_entry: float = Field(
        2.0, ge=0.5, le=4, title="Z-score entry", description="Standard deviations from the mean before it votes"
    )
    macd_weight: Weight = Field(1.0, title="MACD weight", description="How much the MACD vote counts; 0 mutes it")
    sma_weight: Weight = Field(1.0, title="SMA cross weight", description="How much the SMA cross counts; 0 mutes it")
    kdj_rsi_weight: Weight = Field(
        1.0, title="KDJ and RSI weight", description="How much the KDJ and RSI vote counts; 0 mutes it"
    )
    z_weight: Weight = Field(
        1.0, title="Mean reversion weight", description="How much the z-score vote counts; 0 mutes it"
    )
    decision_threshold: float = Field(
        0.15,
        ge=0.05,
        le=0.9,
        title="Decision threshold",
        description="Weighted vote, between -1 and 1, that is needed to buy or to sell; below it the answer is HOLD",
    )
    atr_period: int = Field(14, ge=2, le=60, title="ATR period", description="Sessions of the average true range")
    stop_atr: float = Field(
        2.0, ge=0.5, le=5, title="Stop distance", description="Distance of the stop, in average true ranges"
    )
    target_atr: float = Field(
        3.0, ge=0.5, le=10, title="Target distance", description="Distance of the target, in average true ranges"
    )
    low_risk_percent: float = Field(
        1.5, ge=0.1, le=20, title="Low risk below", description="Average true range in percent of the price"
    )
    high_risk_percent: float = Field(
        3.0, ge=0.1, le=20, title="High risk from", description="Average true range in percent of the price"
    )

    @model_validator(mode="after")
    def _fields_agree(self) -> TechnicalRulesSettings:
        for lower, upper in (
            ("macd_fast", "macd_slow"),
            ("sma_fast", "sma_slow"),
            ("kdj_low", "kdj_high"),
            ("rsi_oversold", "rsi_overbought"),
            ("low_risk_percent", "high_risk_percent"),
        ):
            if getattr(self, lower) >= getattr(self, upper):
                raise ValueError(f"{lower} ({getattr(self, lower)}) must be below {upper} ({getattr(self, upper)})")
        if self.stop_atr > self.target_atr:
            raise ValueError(f"stop_atr ({self.stop_atr}) must not exceed target_atr ({self.target_atr})")
        if not any((self.macd_weight, self.sma_weight, self.kdj_rsi_weight, self.z_weight)):
            raise ValueError("macd_weight, sma_weight, kdj_rsi_weight and z_weight are all 0: nothing could vote")
        return self
