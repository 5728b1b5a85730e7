"""Scripted opinion: weighs the facts for and against a price by rules, in place of a model's judgement."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ba2_trade_platform.demo.scripted_model.facts import Facts

THRESHOLD = 0.25
TARGET_ATR = 3.0
STOP_ATR = 2.0
TONE = "Tone: **"
LARGEST_MOVE = 0.5  # of the price
ATR_UNKNOWN = 0.02  # of the price, where the facts have no average true range
HIGH_RISK_PERCENT, LOW_RISK_PERCENT = 4.0, 1.5  # the average true range in percent of the price

_GOOD_WORDS = """
beat beats gain gains growth grow grows grew record raise raises raised upgrade upgraded profit profits strong surge
surges rally rallies win wins won approve approved approval expand expands dividend outperform higher rise rises rose
rising success successful bullish optimistic
"""
_BAD_WORDS = """
miss misses missed loss losses fall falls fell falling cut cuts downgrade downgraded weak lawsuit sue sued probe fraud
recall recalls layoff layoffs decline declines declined warn warns warning drop drops dropped lower slump bankruptcy
delay delays delayed bearish worried fear fears
"""
_GOOD, _BAD = frozenset(_GOOD_WORDS.split()), frozenset(_BAD_WORDS.split())


@dataclass(frozen=True)
class Signal:
    """One piece of evidence. `direction` is 1 for the price, -1 against it, 0 neither; `evidence` cites the numbers."""

    topic: str
    direction: int
    weight: float
    sentence: str
    evidence: str


@dataclass(frozen=True)
class Opinion:
    """What the signals come to: `score` is their weighted mean, -1 to 1; target and stop stand around `price`."""

    signals: Sequence[Signal]
    score: float
    action: str
    confidence: int
    price: float | None
    target: float | None
    stop: float | None
    expected_profit_percent: float
    risk: str

    def side(self, direction: int) -> list[Signal]:
        """Return the signals of one direction, the heaviest first."""
        return sorted((s for s in self.signals if s.direction == direction), key=lambda s: -s.weight)

    @property
    def reading(self) -> str:
        """The opinion in one word."""
        return {"BUY": "bullish", "SELL": "bearish", "HOLD": "mixed"}.get(self.action, "undecided")


def opinion_of(facts: Facts) -> Opinion:
    """Return the opinion; REVIEW with confidence 1 where there is no price or nothing that speaks of it."""
    signals = list(signals_of(facts))
    price = facts.number("close")
    total = sum(signal.weight for signal in signals)
    if price is None or price <= 0 or not total:
        return Opinion(signals, 0.0, "REVIEW", 1, price, None, None, 0.0, "high")
    score = sum(signal.direction * signal.weight for signal in signals) / total
    action = "HOLD" if abs(score) < THRESHOLD else "BUY" if score > 0 else "SELL"
    atr = facts.number("atr_14")
    move = atr if atr is not None and atr > 0 else ATR_UNKNOWN * price
    target, stop = levels(action, price, move)
    if action != "HOLD" and target is None:
        return Opinion(signals, score, "REVIEW", 1, price, None, None, 0.0, "high")
    return Opinion(
        signals=signals,
        score=score,
        action=action,
        confidence=_confidence(score),
        price=price,
        target=target,
        stop=stop,
        expected_profit_percent=round(100 * abs(target - price) / price, 2) if target is not None else 0.0,
        risk=_risk(100 * move / price),
    )


def levels(action: str, price: float, atr: float) -> tuple[float | None, float | None]:
    """Return target and stop, each on its side of the price; none for a hold, or where they would meet it."""
    direction = {"BUY": 1, "SELL": -1}.get(action)
    if direction is None:
        return None, None
    reward, risk = (min(times * atr, LARGEST_MOVE * price) for times in (TARGET_ATR, STOP_ATR))
    digits = 2 if min(reward, risk) >= 0.02 else 4
    target, stop = round(price + direction * reward, digits), round(price - direction * risk, digits)
    return (None, None) if min(target, stop) <= 0 or round(price, 4) in (target, stop) else (target, stop)


def signals_of(facts: Facts) -> Iterator[Signal]:
    """Yield what each number says; a number that is not there says nothing."""
    yield from _trend(facts)
    yield from _momentum(facts)
    yield from _returns(facts)
    yield from _position(facts)
    yield from _figures(facts)
    yield from _words(facts.headlines, "news", "headline", 1.0)
    yield from _words(facts.posts, "posts of investors", "post", 0.5)
    yield from _reported(facts)


def _trend(facts: Facts) -> Iterator[Signal]:
    close, fast, slow = (facts.number(name) for name in ("close", "sma_50", "sma_200"))
    for name, average, days, weight in (("sma_200", slow, 200, 2.0), ("sma_50", fast, 50, 1.5)):
        if close and average and average > 0:
            gap = 100 * (close / average - 1)
            where = f"{abs(gap):.1f} % {'above' if gap > 0 else 'below'}" if abs(gap) >= 0.5 else "about at"
            sentence = f"The close of {close:.2f} is {where} its {days}-day average of {average:.2f}"
            yield Signal(
                f"{days}-day average", _sign(gap, 0.5), weight, sentence, f"close={close:g}, {name}={average:g}"
            )
    if fast and slow and slow > 0:
        gap = 100 * (fast / slow - 1)
        order = "above" if gap > 0 else "below"
        sentence = f"The 50-day average runs {abs(gap):.1f} % {order} the 200-day average"
        yield Signal("order of the averages", _sign(gap, 0.5), 1.0, sentence, f"sma_50={fast:g}, sma_200={slow:g}")


def _momentum(facts: Facts) -> Iterator[Signal]:
    macd, rsi = facts.number("macd_histogram"), facts.number("rsi_14")
    if macd is not None:
        how = "positive: momentum builds" if macd > 0 else "negative: momentum fades" if macd < 0 else "flat"
        yield Signal(
            "MACD", _sign(macd, 0.0), 1.0, f"The MACD histogram is {how} ({macd:+.3f})", f"macd_histogram={macd:g}"
        )
    if rsi is not None:
        state = "overbought" if rsi > 70 else "oversold" if rsi < 30 else "neither overbought nor oversold"
        direction = -1 if rsi > 70 else 1 if rsi < 30 else 0
        yield Signal("RSI", direction, 0.75, f"RSI(14) at {rsi:.1f} is {state}", f"rsi_14={rsi:g}")


def _returns(facts: Facts) -> Iterator[Signal]:
    for name, words, least, weight in (
        ("return_21d", "a month", 2.0, 1.0),
        ("return_63d", "a quarter", 4.0, 1.5),
        ("return_252d", "a year", 8.0, 1.5),
    ):
        change = facts.number(name)
        if change is not None:
            moved = "gained" if change > 0 else "lost" if change < 0 else "moved"
            sentence = f"The price {moved} {abs(change):.1f} % in {words}"
            yield Signal(f"return over {words}", _sign(change, least), weight, sentence, f"{name}={change:g}")


def _position(facts: Facts) -> Iterator[Signal]:
    position, drawdown = facts.number("position_in_52w_range"), facts.number("drawdown")
    if position is not None:
        direction = 1 if position >= 0.8 else -1 if position <= 0.2 else 0
        sentence = f"It stands at {100 * position:.0f} % of its range of 52 weeks"
        yield Signal("range of 52 weeks", direction, 0.5, sentence, f"position_in_52w_range={position:g}")
    if drawdown is not None:
        sentence = f"It is {abs(drawdown):.1f} % below its high"
        direction = -1 if abs(drawdown) >= 20 else 0
        yield Signal("drawdown", direction, 0.5, sentence, f"drawdown={drawdown:g}")


def _figures(facts: Facts) -> Iterator[Signal]:
    paid = [item for item in facts.figures if "dividend" in str(item.get("name", "")).lower()]
    if paid:
        newest = f"{paid[0].get('value')} {paid[0].get('unit') or ''}".strip()
        sentence = f"It has paid {len(paid)} dividend{'s' * (len(paid) > 1)}, the newest {newest}"
        yield Signal("dividends", 1, 0.5, sentence, f"dividend={newest}")


def _words(texts: Sequence[str], whose: str, what: str, weight: float) -> Iterator[Signal]:
    if not texts:
        return
    words = [word for text in texts for word in re.findall(r"[a-z]+", text.lower())]
    good, bad = sum(word in _GOOD for word in words), sum(word in _BAD for word in words)
    direction = _sign(good - bad, 1)
    # Foreign words are counted and never repeated: what they say is no instruction, here least of all.
    sentence = f"In {len(texts)} {what}{'s' * (len(texts) > 1)}, words for the price: {good}, against it: {bad}"
    yield Signal(whose, direction, weight, sentence, f"{what}s={len(texts)}, words for={good}, words against={bad}")


def _reported(facts: Facts) -> Iterator[Signal]:
    """Yield the tone that a colleague heard in texts which only that colleague was given."""
    for role, topic, heard, weight in (
        ("news", "news", facts.headlines, 1.0),
        ("sentiment", "posts of investors", facts.posts, 0.5),
    ):
        said = facts.reports.get(role, "")
        if not heard and TONE in said:
            tone = said.rpartition(TONE)[2].partition("*")[0]
            direction = {"bullish": 1, "bearish": -1}.get(tone, 0)
            yield Signal(
                topic, direction, weight, f"The tone of the {topic} is {tone}", f"report of the {role} analyst"
            )


def _sign(value: float, least: float) -> int:
    return 0 if abs(value) <= least else 1 if value > 0 else -1


def _confidence(score: float) -> int:
    """Return 1-100: more, the more the signals agree, or for a hold the better they balance."""
    distance = abs(score) - THRESHOLD
    return round(50 + 45 * distance / (1 - THRESHOLD)) if distance >= 0 else round(50 - 20 * distance / THRESHOLD)


def _risk(percent: float) -> str:
    return "high" if percent >= HIGH_RISK_PERCENT else "low" if percent < LOW_RISK_PERCENT else "medium"
