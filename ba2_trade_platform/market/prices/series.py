"""Price series: a symbol's raw history, adjusted as it was known at any instant."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ba2_trade_platform.core.contracts import left_out_bars
from ba2_trade_platform.core.contracts.experts import Bars, ExpertError, InstrumentInfo
from ba2_trade_platform.market.calendars.sessions import SessionCalendar, instant, microseconds
from ba2_trade_platform.market.prices import plausibility
from ba2_trade_platform.vocabulary import ErrorCode

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Split:
    """A split: prices of sessions before `day` are multiplied by `ratio` (0.5 for 2-for-1), volumes divided.

    `place` is where it is written down. `at_close`: it stands in the row of its day's bar, and is known with it.
    `sure`: a person said that it holds whatever the prices tell.
    """

    day: date
    ratio: float
    place: str = field(default="", compare=False)
    at_close: bool = field(default=False, compare=False)
    sure: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Dividend:
    """A cash dividend in the instrument's currency per share; `day` is the first session without it (ex-date)."""

    day: date
    amount: float


@dataclass(frozen=True)
class Notice:
    """Something about the bar of `day` that whoever sees this bar is told."""

    day: date
    sentence: str


@dataclass(frozen=True)
class RawBars:
    """Unadjusted daily bars, oldest first, columns of equal length; volume in shares."""

    days: NDArray[np.datetime64]
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column

    def where(self, kept: NDArray[np.bool_]) -> RawBars:
        """Return the rows for which `kept` is true."""
        return RawBars(*(getattr(self, column)[kept] for column in RawBars.__dataclass_fields__))

    def traded(self, *, has_volume: bool = True) -> NDArray[np.bool_]:
        """Tell of each row whether there was trade: by its volume, where none is told by a price that moved."""
        return self.volume > 0 if has_volume else self.high != self.low

    def in_unit(self, scale: float) -> RawBars:
        """Return the bars with their prices multiplied, as from pence to pounds."""
        if scale == 1:
            return self
        prices = {column: getattr(self, column) * scale for column in ("open", "high", "low", "close")}
        return replace(self, **prices)


class Series:
    """The whole history of one symbol; rows on days that are no session of its calendar are left out."""

    def __init__(
        self,
        info: InstrumentInfo,
        calendar: SessionCalendar,
        raw: RawBars,
        splits: Iterable[Split] = (),
        dividends: Iterable[Dividend] = (),
        notices: Iterable[Notice] = (),
        *,
        has_volume: bool = True,
    ) -> None:
        self._calendar = calendar
        self._raw = raw.where(np.isin(raw.days, calendar.days))
        self._splits = tuple(splits)
        self._dividends = tuple(dividends)
        shut = calendar.is_shut(raw.days) & raw.traded(has_volume=has_volume)
        self._left_out: tuple[date, ...] = tuple(raw.days[shut].tolist())
        self._left_out_since = [calendar.end_of(day) for day in self._left_out]
        self._closes = calendar.closes[np.searchsorted(calendar.days, self._raw.days)]
        self._sessions: tuple[date, ...] = tuple(self._raw.days.tolist())
        self._closed_at = tuple(instant(close) for close in self._closes.tolist())
        self._notices = tuple(notices)
        self._objections = plausibility.objections(self._raw, self._splits, info.currency)
        self._doubts = plausibility.impossible_dividends(self._raw, self._dividends)
        self.info = info

    def __len__(self) -> int:
        return len(self._sessions)

    def bars_at(self, as_of: datetime, limit: int | None = None) -> Bars:
        """Return the newest `limit` bars visible at the aware instant `as_of`, adjusted for the splits known then.

        The arrays are copies: nothing that hangs on them reaches a later bar. Raises ExpertError DATA_MISSING when a
        split or a unit contradicts prices that are visible, ValueError for a naive instant or a negative limit.
        """
        if limit is not None and limit < 0:
            raise ValueError(f"{limit} bars cannot be asked for")
        end = int(np.searchsorted(self._closes, microseconds(as_of), side="right"))
        visible = slice(0 if limit is None else max(0, end - limit), end)
        self._refuse_contradictions(end)
        factor = self._split_factor(self._raw.days[visible], as_of)
        prices = {column: getattr(self._raw, column)[visible] * factor for column in ("open", "high", "low", "close")}
        left_out = self._left_out_at(as_of, since=self._sessions[visible][0] if end > visible.start else date.min)
        return Bars(
            symbol=self.info.symbol,
            currency=self.info.currency,
            as_of=as_of,
            sessions=self._sessions[visible],
            closed_at=self._closed_at[visible],
            **prices,
            volume=self._raw.volume[visible] / factor,
            sessions_missing=self._calendar.closed_between(self._sessions[end - 1], as_of) if end else 0,
            calendar=self._calendar.name,
            calendar_ends="" if self._calendar.knows(as_of) else self._calendar.reach.sentence,
            left_out=left_out,
            warnings=(*self._told(left_out), *self._warnings(visible, prices["close"], as_of)),
        )

    def _refuse_contradictions(self, end: int) -> None:
        """Raise ExpertError for the first split or unit that a visible bar contradicts."""
        found = next((each for each in self._objections if each.place < end), None)
        if found is not None:
            raise ExpertError(ErrorCode.DATA_MISSING, self._sentence(found))

    def contradictions(self) -> tuple[str, ...]:
        """Return a sentence for each split or unit that the prices contradict."""
        return tuple(self._sentence(found) for found in self._objections)

    def _sentence(self, found: plausibility.Objection) -> str:
        return found.sentence if found.has_place else f"{self.info.symbol}: {found.sentence}"

    def _warnings(self, visible: slice, closes: Column, as_of: datetime) -> tuple[str, ...]:
        """Return what is doubtful in the visible bars, told by nothing that comes after them."""
        sessions = self._sessions[visible]
        if not sessions:
            return ()
        said = [notice.sentence for notice in self._notices if notice.day <= sessions[-1]]
        said += [doubt.sentence for doubt in self._doubts if doubt.place < visible.stop]
        said += plausibility.gaps(sessions, closes, self.splits_at(as_of), self.dividends_at(as_of))
        return tuple(f"{self.info.symbol}: {sentence}" for sentence in said)

    def _left_out_at(self, as_of: datetime, since: date) -> tuple[date, ...]:
        """Return the days of traded bars without a session that had ended by `as_of`."""
        first, end = bisect_left(self._left_out, since), bisect_right(self._left_out_since, microseconds(as_of))
        return self._left_out[first:end]

    def _told(self, left_out: tuple[date, ...]) -> tuple[str, ...]:
        return (left_out_bars.warning(self.info.symbol, self._calendar.name, left_out),) if left_out else ()

    def dividends_at(self, as_of: datetime) -> tuple[Dividend, ...]:
        """Return the dividends gone ex by the aware instant `as_of`, oldest first, in shares as split by then."""
        known = [dividend for dividend in self._dividends if self._calendar.has_opened_since(dividend.day, as_of)]
        factor = self._split_factor(np.array([dividend.day for dividend in known], dtype="datetime64[D]"), as_of)
        return tuple(
            replace(dividend, amount=dividend.amount * float(ratio))
            for dividend, ratio in zip(known, factor, strict=True)
        )

    def splits_at(self, as_of: datetime) -> tuple[Split, ...]:
        """Return the splits made by the aware instant `as_of`, as listed."""
        return tuple(split for split in self._splits if self._is_known(split, as_of))

    def _is_known(self, split: Split, as_of: datetime) -> bool:
        if not split.at_close:
            return self._calendar.has_opened_since(split.day, as_of)
        day = split.day - timedelta(days=1)
        return self._calendar.closed_between(day, as_of) > 0

    def _split_factor(self, days: NDArray[np.datetime64], as_of: datetime) -> Column:
        """Return, for each of the days, the product of the ratios of later splits known at `as_of`."""
        factor = np.ones(len(days))
        for split in self._splits:
            if self._is_known(split, as_of):
                factor[days < np.datetime64(split.day, "D")] *= split.ratio
        return factor
