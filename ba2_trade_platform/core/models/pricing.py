"""Pricing: a dated table of model prices, overruled by the trader's own file."""

from __future__ import annotations

import csv
import logging
import re
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from pathlib import Path

log = logging.getLogger(__name__)

COLUMNS = ("provider", "model", "valid_from", "input", "cached", "output", "source")
MILLION = Decimal(1_000_000)
MICRO = Decimal("0.000001")
HIGHEST = Decimal(1_000_000)
# The names that one model has beside its family's: a day it was frozen on, or the newest of its kind.
_DATED = re.compile(r"-(\d{8}|\d{4}-\d\d-\d\d|latest|0)")


@dataclass(frozen=True)
class Price:
    """What one model costs from a day on, in USD a million tokens; `cached` is of input that the provider remembered.

    `own` says that the trader's own file has it.
    """

    provider: str
    model: str
    valid_from: date
    input: Decimal
    cached: Decimal
    output: Decimal
    source: str
    own: bool = False

    def cost(self, tokens_in: int | None, tokens_out: int | None, tokens_cached: int | None = None) -> Decimal | None:
        """Return what a call took, to the millionth; None where the provider did not count its tokens."""
        if self.free:
            return Decimal(0)
        if tokens_in is None or tokens_out is None:
            return None
        cached = min(tokens_in, tokens_cached or 0)
        amount = (tokens_in - cached) * self.input + cached * self.cached + tokens_out * self.output
        return (amount / MILLION).quantize(MICRO)

    @property
    def free(self) -> bool:
        """Whether it costs nothing, however many tokens there are."""
        return not (self.input or self.cached or self.output)


@dataclass(frozen=True)
class PriceTable:
    """Every known price, and what of the trader's own file could not be read."""

    prices: tuple[Price, ...]
    problems: tuple[str, ...] = ()

    def find(self, provider: str, model: str, day: date, *, own_only: bool = False) -> Price | None:
        """Return the price in force on `day`, None where nobody knows: the trader's own lines first.

        A model is found by its name, by its family's where its own is that with a date, or by a line whose model ends
        with `*`; the longest wins.
        """
        for own in (True,) if own_only else (True, False):
            fitting = [
                (fit, price.valid_from, price)
                for price in self.prices
                if price.own is own and price.provider == provider and price.valid_from <= day
                if (fit := _fit(price.model, model))
            ]
            if fitting:
                return max(fitting, key=lambda one: one[:2])[2]
        return None


class Pricing:
    """The price table in force; the trader's own file is read again whenever it has changed."""

    def __init__(self, own: Path) -> None:
        self.own = own
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._table = PriceTable(shipped_prices())

    def table(self) -> PriceTable:
        """Return the prices of now."""
        with self._lock:
            seen: tuple[int, int] | None = None
            with suppress(OSError):
                found = self.own.stat()
                seen = found.st_mtime_ns, found.st_size
            if seen != self._seen:
                own, problems = self._read_own() if seen else ((), ())
                self._seen, self._table = seen, PriceTable((*own, *shipped_prices()), problems)
            return self._table

    def _read_own(self) -> tuple[tuple[Price, ...], tuple[str, ...]]:
        try:
            text = self.own.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            problem = f"{self.own.name} cannot be read: {error}"
            log.warning("%s", problem)
            return (), (problem,)
        prices, problems = parse(text, self.own.name, own=True)
        for problem in problems:
            log.warning("%s", problem)
        return prices, problems


@cache
def shipped_prices() -> tuple[Price, ...]:
    """Return the prices that ship with the console; raises ValueError when that file is broken."""
    name = "model_prices.csv"
    text = (files("ba2_trade_platform.core.models.data") / name).read_text(encoding="utf-8")
    prices, problems = parse(text, name)
    if problems:
        raise ValueError("; ".join(problems))
    return prices


def parse(text: str, name: str, *, own: bool = False) -> tuple[tuple[Price, ...], tuple[str, ...]]:
    """Return the prices in a CSV text, and a sentence with its number for each line that is none."""
    reader = csv.DictReader(text.splitlines())
    prices: list[Price] = []
    problems: list[str] = []
    try:
        lacking = [column for column in COLUMNS[:-1] if column not in (reader.fieldnames or ())]
        if lacking:
            return (), (f"{name}: the first line must name the columns {','.join(COLUMNS)}; {lacking[0]} is missing",)
        for fields in reader:
            if not any(isinstance(value, str) and value.strip() for value in fields.values()):
                continue
            try:
                prices.append(_price({key: (fields.get(key) or "").strip() for key in COLUMNS}, own))
            except ValueError as error:
                problems.append(f"{name}, line {reader.line_num}: {error}")
    except csv.Error as error:
        return (), (f"{name}, line {reader.line_num}: {error}",)
    return tuple(prices), tuple(problems)


def _price(fields: dict[str, str], own: bool) -> Price:
    for column in ("provider", "model"):
        if not fields[column]:
            raise ValueError(f"{column} is missing")
    try:
        since = date.fromisoformat(fields["valid_from"])
    except ValueError:
        raise ValueError(f"valid_from is {fields['valid_from']!r}; a day such as 2026-01-31 is wanted") from None
    paid = _amount("input", fields["input"])
    cached = _amount("cached", fields["cached"]) if fields["cached"] else paid
    output = _amount("output", fields["output"])
    return Price(fields["provider"], fields["model"], since, paid, cached, output, fields["source"], own)


def _amount(column: str, text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= HIGHEST:
        raise ValueError(f"{column} is {text!r}; USD a million tokens are wanted, such as 2.50")
    return amount


def _fit(pattern: str, model: str) -> int:
    """Return how well a line's model fits: 0 for not at all, else the more the longer what is equal."""
    if pattern == model:
        return len(pattern) + 2
    if pattern.endswith("*"):
        return len(pattern) if model.startswith(pattern[:-1]) else 0
    rest = model.removeprefix(pattern)
    return len(pattern) + 1 if rest != model and _DATED.fullmatch(rest) else 0


def newest(prices: Iterable[Price], day: date) -> Sequence[Price]:
    """Return of each model the line in force on `day`, or the first to come, in the order of provider and model."""
    found: dict[tuple[str, str], Price] = {}
    for price in sorted(prices, key=lambda one: (one.valid_from <= day, one.own, one.valid_from)):
        found[price.provider, price.model] = price
    return [found[key] for key in sorted(found)]
