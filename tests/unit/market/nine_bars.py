"""Nine bars: one share's prices, and the parts of which tools' files are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
Bar = tuple[date, float, float, float, float, int]
# Over the end of a month, so that a day above twelve tells it from a month; a price above a thousand.
BARS: tuple[Bar, ...] = (
    (date(2014, 6, 5), 1024.25, 1031.5, 1020.75, 1030.0, 12_345_600),
    (date(2014, 6, 6), 1030.5, 1033.25, 1025.25, 1027.5, 9_876_500),
    (date(2014, 6, 9), 1027.5, 1040.0, 1026.25, 1038.75, 10_001_000),
    (date(2014, 6, 10), 1038.0, 1039.5, 1022.25, 1024.5, 11_222_300),
    (date(2014, 6, 11), 1023.25, 1027.25, 1011.75, 1015.5, 8_444_000),
    (date(2014, 6, 12), 1015.25, 1018.5, 998.25, 999.75, 14_500_000),
    (date(2014, 6, 13), 999.5, 1009.5, 995.25, 1008.25, 7_700_100),
    (date(2014, 6, 16), 1008.5, 1012.75, 1001.25, 1010.5, 6_900_200),
    (date(2014, 6, 17), 1010.25, 1021.5, 1009.75, 1020.25, 9_100_300),
)


@dataclass(frozen=True)
class Written:
    """A file of these bars; `volume` is what a form keeps of it, None for a form that has none."""

    title: str
    content: bytes
    symbol: str = "ACME"
    calendar: str = "XNYS"
    volume: Callable[[int], float] | None = float


def lines(head: Iterable[str], row: Callable[[Bar], str], *, newest_first: bool = False, end: str = "\n") -> bytes:
    """Return a file's bytes: its head, and a line for each bar."""
    bars = BARS[::-1] if newest_first else BARS
    return (end.join([*head, *map(row, bars)]) + end).encode()


def plain(
    sep: str = ",", day: str = "%Y-%m-%d", number: Callable[[float], str] = "{:.2f}".format
) -> Callable[[Bar], str]:
    """Return how a bar is written in a plain table."""
    return lambda bar: sep.join([bar[0].strftime(day), *map(number, bar[1:5]), str(bar[5])])


def comma(value: float) -> str:
    """Return a price with a decimal comma."""
    return f"{value:.2f}".replace(".", ",")


def german(value: float) -> str:
    """Return a price as Germany writes it."""
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def at(bar: Bar, hour: int, minute: int = 0, zone: ZoneInfo = NEW_YORK) -> datetime:
    """Return an instant of a bar's day."""
    return datetime.combine(bar[0], time(hour, minute), zone)


def midnight(bar: Bar) -> datetime:
    """Return midnight of a bar's day in UTC."""
    return datetime.combine(bar[0], time(), UTC)


def ohlcv(bar: Bar) -> str:
    """Return the five numbers of a bar, parted by commas."""
    return ",".join([*(f"{price:.2f}" for price in bar[1:5]), str(bar[5])])


def ohlc(bar: Bar, number: Callable[[float], str] = "{:.2f}".format, sep: str = ",") -> str:
    """Return the four prices of a bar."""
    return sep.join(number(price) for price in bar[1:5])


def mega(volume: int) -> str:
    """Return a volume in millions."""
    return f"{volume / 1e6:.2f}M"


def rounded(volume: int) -> float:
    """Return what is left of a volume in millions."""
    return round(float(f"{volume / 1e6:.2f}") * 1e6, 3)


HEAD = "Date,Open,High,Low,Close,Volume"
NAMED = "date;open;high;low;close;volume"
COINS = "24/7"
