"""Signals: turn each indicator's newest values into one vote with its numbers; pure."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ba2_trade_platform.core.contracts.experts import Bars
from ba2_trade_platform.experts.technical_rules import indicators
from ba2_trade_platform.experts.technical_rules.indicators import Series
from ba2_trade_platform.experts.technical_rules.settings import TechnicalRulesSettings

FRESH_CROSS_STRENGTH = 0.6
MACD_FRESH_SESSIONS = 3
MACD_SCALE_SESSIONS = 100
KDJ_FRESH_SESSIONS = 2
FULL_GAP_PERCENT = 10.0
FULL_Z_MULTIPLE = 1.5


class Vote(BaseModel):
    """What one signal says: `score` from -1 (sell) to 1 (buy), None when it abstains; `reason` is a sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    score: float | None = Field(ge=-1, le=1)
    reason: str
    numbers: dict[str, float] = {}

    @property
    def word(self) -> Literal["BUY", "SELL", "HOLD", "abstains"]:
        """Return the vote's direction in one word."""
        if self.score is None:
            return "abstains"
        return "HOLD" if self.score == 0 else "BUY" if self.score > 0 else "SELL"


def macd_vote(name: str, bars: Bars, settings: TechnicalRulesSettings) -> Vote:
    """Vote with the histogram's sign; full strength at its widest of 100 sessions, at least 0.6 after a fresh cross."""
    lines = indicators.macd(bars.close, settings.macd_fast, settings.macd_slow, settings.macd_signal)
    recent = lines.histogram[-MACD_SCALE_SESSIONS:]
    if reason := _undecidable(bars.close[-settings.macd_slow :], recent[-2:], lines.line[-1:]):
        return Vote(name=name, score=None, reason=reason)
    newest, widest = float(recent[-1]), float(np.nanmax(np.abs(recent)))
    numbers = {"MACD": float(lines.line[-1]), "signal line": float(lines.signal[-1]), "histogram": newest}
    if widest <= 1e-9 * float(bars.close[-1]):
        return Vote(name=name, score=None, reason="the MACD and its signal line do not differ", numbers=numbers)
    age = _sessions_since_sign_change(recent)
    strength = abs(newest) / widest
    reason = f"MACD is {_side(newest)} its signal line, {strength:.0%} of the widest gap in {len(recent)} sessions"
    if age is not None and age < MACD_FRESH_SESSIONS:
        strength = max(strength, FRESH_CROSS_STRENGTH)
        reason += f", after a cross {_ago(age)}"
    return Vote(name=name, score=_signed(strength, newest), reason=reason, numbers=numbers)


def sma_cross_vote(name: str, bars: Bars, settings: TechnicalRulesSettings) -> Vote:
    """Vote with the faster average's side; full strength at a gap of 10 %, at least 0.6 after a fresh cross."""
    fast = indicators.sma(bars.close, settings.sma_fast)
    slow = indicators.sma(bars.close, settings.sma_slow)
    if reason := _undecidable(bars.close[-settings.sma_slow :], fast[-1:], slow[-1:]):
        return Vote(name=name, score=None, reason=reason)
    gap = 100.0 * (float(fast[-1]) / float(slow[-1]) - 1.0)
    numbers = {f"SMA {settings.sma_fast}": float(fast[-1]), f"SMA {settings.sma_slow}": float(slow[-1]), "gap %": gap}
    strength = min(1.0, abs(gap) / FULL_GAP_PERCENT)
    reason = f"SMA {settings.sma_fast} is {abs(gap):.2f} % {_side(gap)} SMA {settings.sma_slow}"
    age = _sessions_since_sign_change((fast - slow)[-settings.sma_cross_window - 1 :])
    if age is not None:
        strength = max(strength, FRESH_CROSS_STRENGTH)
        reason += f", after a {'golden' if gap > 0 else 'death'} cross {_ago(age)}"
    return Vote(name=name, score=_signed(strength, gap), reason=reason, numbers=numbers)


def kdj_rsi_vote(name: str, bars: Bars, settings: TechnicalRulesSettings) -> Vote:
    """Vote against exhaustion: half by the RSI's zones, half by J outside 0-100 or a K-D cross in an outer zone."""
    parts, reasons, numbers = [], [], {}
    rsi = indicators.rsi(bars.close, settings.rsi_period)
    if why := _undecidable(bars.close[-settings.rsi_period - 1 :], rsi[-1:]):
        reasons.append(f"RSI abstains, {why}")
    else:
        numbers["RSI"] = float(rsi[-1])
        score, word = _zone(numbers["RSI"], settings.rsi_oversold, settings.rsi_overbought)
        parts.append(score)
        reasons.append(f"RSI {numbers['RSI']:.1f} is {word}")
    high, low = bars.high[-settings.kdj_period :], bars.low[-settings.kdj_period :]
    lines = indicators.kdj(
        bars.high, bars.low, bars.close, settings.kdj_period, k_smooth=settings.kdj_k, d_smooth=settings.kdj_d
    )
    if why := _undecidable(np.concatenate([high, low]), lines.j[-KDJ_FRESH_SESSIONS - 1 :]):
        reasons.append(f"KDJ abstains, {why}")
    else:
        numbers |= {"K": float(lines.k[-1]), "D": float(lines.d[-1]), "J": float(lines.j[-1])}
        score, sentence = _kdj_reading(lines, settings)
        parts.append(score)
        reasons.append(sentence)
    return Vote(name=name, score=sum(parts) / len(parts) if parts else None, reason="; ".join(reasons), numbers=numbers)


def z_score_vote(name: str, bars: Bars, settings: TechnicalRulesSettings) -> Vote:
    """Vote for a return to the mean from `z_entry` deviations on; full strength at one and a half times that."""
    z = indicators.z_score(bars.close, settings.z_period)
    if reason := _undecidable(bars.close[-settings.z_period :], np.array([z])):
        return Vote(name=name, score=None, reason=reason)
    numbers = {"z-score": z, "mean": float(bars.close[-settings.z_period :].mean()), "close": float(bars.close[-1])}
    where = f"the close is {abs(z):.2f} deviations {_side(z)} its {settings.z_period}-session mean"
    if abs(z) < settings.z_entry:
        return Vote(name=name, score=0.0, reason=f"{where}, within {settings.z_entry:g}", numbers=numbers)
    strength = min(1.0, abs(z) / (FULL_Z_MULTIPLE * settings.z_entry))
    return Vote(name=name, score=_signed(strength, -z), reason=f"{where}, a return is expected", numbers=numbers)


def _undecidable(moving: Series, *finite: Series) -> str | None:
    """Return why nothing can be said: a needed number is missing, or the prices in the window did not move."""
    if np.isfinite(moving).all() and len(moving) and float(np.ptp(moving)) == 0.0:
        return f"the price did not move in {len(moving)} values"
    if any(not len(values) or not np.isfinite(values).all() for values in (moving, *finite)):
        return "a number it needs is missing"
    return None


def _kdj_reading(lines: indicators.Kdj, settings: TechnicalRulesSettings) -> tuple[float, str]:
    j, d = float(lines.j[-1]), float(lines.d[-1])
    if j < 0 or j > 100:
        return (1.0 if j < 0 else -1.0), f"J {j:.1f} is {'below 0' if j < 0 else 'above 100'}"
    age = _sessions_since_sign_change((lines.k - lines.d)[-KDJ_FRESH_SESSIONS - 1 :])
    if age is not None:
        upwards = lines.k[-1] > lines.d[-1]
        if upwards and d < settings.kdj_low:
            return 1.0, f"K crossed above D in the low zone {_ago(age)}"
        if not upwards and d > settings.kdj_high:
            return -1.0, f"K crossed below D in the high zone {_ago(age)}"
    return 0.0, f"KDJ is neutral with J {j:.1f}"


def _zone(value: float, low: float, high: float) -> tuple[float, str]:
    if value <= low:
        return 1.0, "oversold"
    return (-1.0, "overbought") if value >= high else (0.0, "neutral")


def _sessions_since_sign_change(values: Series) -> int | None:
    """Return how many sessions ago the last of `values` (n,) took its sign, 0 for the newest; None: not within them."""
    signs = np.sign(values[np.isfinite(values)])
    other = np.flatnonzero(signs * signs[-1] < 0) if len(signs) else np.array([])
    return None if not len(other) or signs[-1] == 0 else int(len(signs) - 2 - other[-1])


def _signed(strength: float, direction: float) -> float:
    return float(np.copysign(strength, direction)) if direction else 0.0


def _side(value: float) -> str:
    return "above" if value > 0 else "below" if value < 0 else "level with"


def _ago(sessions: int) -> str:
    return "in the newest session" if not sessions else f"{sessions} session{'s' if sessions > 1 else ''} ago"
