"""Plausibility: checks splits, dividends and currency units against the prices that they are meant for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ba2_trade_platform.market.prices.series import Dividend, RawBars, Split

GAP = 0.4
IN_HUNDREDTHS = frozenset({"GBP", "ZAR", "ILS"})  # exchanges quote these now in the unit, now in its hundredth part
ENOUGH_BARS = 20  # fewer tell nothing of how far this symbol moves on a usual day
LOOK_BACK = 60
NEARBY = 5  # sessions in which a split's true day is looked for
UNSURE = 0.1  # in logarithms: no usual day moves a price further than this
SHOWN = 3
Column = NDArray[np.float64]


@dataclass(frozen=True)
class Objection:
    """Why a series cannot be used, seen by whoever sees the bar at `place`."""

    place: int
    sentence: str
    has_place: bool = False  # the sentence names the line that is wrong


def closes_gap(bars: RawBars, place: int, ratio: float) -> bool:
    """Tell whether the price changes by this split's ratio at `place`, rather than staying where it was."""
    before = bars.close[place - 1]
    return all(_apart(before * ratio, after) < _apart(before, after) for after in (bars.open[place], bars.close[place]))


def objections(bars: RawBars, splits: Sequence[Split], currency: str) -> tuple[Objection, ...]:
    """Return why these bars cannot be used with these splits, in the order of their days."""
    found = [*_wrong_splits(bars, splits), *_mixed_units(bars, splits, currency)]
    return tuple(sorted(found, key=lambda each: each.place))


def _wrong_splits(bars: RawBars, splits: Sequence[Split]) -> Iterable[Objection]:
    by_place: dict[int, list[Split]] = {}
    for split in splits:
        place = int(np.searchsorted(bars.days, np.datetime64(split.day, "D")))
        if 0 < place < len(bars.days):
            by_place.setdefault(place, []).append(split)
    for place, own in by_place.items():
        if any(split.sure for split in own):
            continue
        sentence = _objection(bars, place, own)
        if sentence:
            yield Objection(max(place, ENOUGH_BARS - 1), sentence, has_place=bool(own[-1].place))


def _objection(bars: RawBars, place: int, splits: Sequence[Split]) -> str | None:
    """Return what is wrong with the splits between two bars, None where they close the gap or nothing can be told."""
    ratio = float(np.prod([split.ratio for split in splits]))
    before, opened, closed = (float(each) for each in (bars.close[place - 1], bars.open[place], bars.close[place]))
    if min(before, opened, closed) <= 0 or abs(np.log(ratio)) / 2 <= _usual(bars.close[:place]):
        return None
    if any(_apart(before * ratio, after) <= _apart(before, after) for after in (opened, closed)):
        return None
    split = splits[-1]
    fold = opened / (before * ratio)
    fold = fold if fold >= 1 else 1 / fold
    said = (
        f"{split.place or f'The split of {split.day}'}: with {ratio:g} the price jumps {fold:.3g}-fold on "
        f"{bars.days[place]} (close {before:g} before, open {opened:g})"
    )
    return f"{said}; {_advice(bars, place, ratio)}"


def _advice(bars: RawBars, place: int, ratio: float) -> str:
    before, opened = float(bars.close[place - 1]), float(bars.open[place])
    if _apart(before / ratio, opened) < _apart(before, opened) / 2:
        return f"did you mean {1 / ratio:.12g}?"
    for near in range(max(1, place - NEARBY), min(len(bars.days), place + NEARBY + 1)):
        if near != place and bars.close[near - 1] > 0 and closes_gap(bars, near, ratio):
            return f"did you mean {bars.days[near]}?"
    if _apart(before, opened) < UNSURE:
        return "there is no gap to close (a ratio of 1): the prices are adjusted already, remove the line"
    closing = Fraction(opened / before).limit_denominator(50)
    return f"did you mean {float(closing) or opened / before:.6g}?"


def _usual(closes: Column) -> float:
    """Return how far this symbol goes on a day that is not unusual, in logarithms."""
    recent = closes[-LOOK_BACK:]
    if len(recent) < ENOUGH_BARS or (recent <= 0).any():
        return UNSURE
    return min(max(5 * float(np.std(np.diff(np.log(recent)))), 0.02), UNSURE)


def _mixed_units(bars: RawBars, splits: Sequence[Split], currency: str) -> Iterable[Objection]:
    """Return where prices change from a currency to its hundredth part, or back."""
    if currency not in IN_HUNDREDTHS or len(bars.days) < 2:
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.abs(np.log(np.abs(bars.close[1:] / bars.close[:-1])))
    for place in (np.flatnonzero(np.abs(change - np.log(100)) < 0.25) + 1).tolist():
        if not _is_explained(bars, place, splits):
            sentence = (
                f"The close goes from {bars.close[place - 1]:g} to {bars.close[place]:g} on {bars.days[place]}, a "
                f"hundredfold change: some rows are in {currency} and some in its hundredth part; bring them to one"
            )
            yield Objection(place, sentence)


def _is_explained(bars: RawBars, place: int, splits: Sequence[Split]) -> bool:
    return any(bars.days[place - 1] < np.datetime64(split.day, "D") <= bars.days[place] for split in splits)


def gaps(sessions: Sequence[date], closes: Column, splits: Sequence[Split], dividends: Sequence[Dividend]) -> list[str]:
    """Return a sentence for each change of the close by 40 % or more that no split, dividend or rename explains.

    The closes are adjusted. A line with the ratio 1 says that the price of its day is right as it is.
    """
    if len(closes) < 2:
        return []
    before, after = closes[:-1], closes[1:]
    wide = (before > 0) & (after > 0) & (np.abs(after - before) >= GAP * before * (1 - 1e-9))
    said = []
    for place in np.flatnonzero(wide).tolist():
        first, last = sessions[place], sessions[place + 1]
        paid = sum(each.amount for each in dividends if first < each.day <= last)
        rest = before[place] - paid
        if any(split.ratio == 1 and first < split.day <= last for split in splits):
            continue
        if 0 < rest < before[place] and abs(after[place] - rest) < GAP * rest:
            continue
        change = (after[place] / before[place] - 1) * 100
        said.append(
            f"The close changes by {change:+.0f} % on {last}, from {before[place]:g} to {after[place]:g}, and no "
            "split, dividend or rename is known that explains it: look whether one is missing"
        )
    more = len(said) - SHOWN
    return said if more <= 0 else [*said[-SHOWN:], f"{more} more changes of 40 % or more before these"]


def impossible_dividends(bars: RawBars, dividends: Sequence[Dividend]) -> tuple[Objection, ...]:
    """Return the dividends that are more than the share was worth: in another unit, or of another share."""
    found = []
    for dividend in dividends:
        place = int(np.searchsorted(bars.days, np.datetime64(dividend.day, "D")))
        if 0 < place < len(bars.days) and 0 < bars.close[place - 1] <= dividend.amount:
            sentence = (
                f"The dividend {dividend.amount:g} of {dividend.day} is not less than the close before it, "
                f"{bars.close[place - 1]:g}: is it in another unit?"
            )
            found.append(Objection(place, sentence))
    return tuple(found)


def _apart(one: float, other: float) -> float:
    return float(abs(np.log(one / other))) if one > 0 and other > 0 else float("inf")
