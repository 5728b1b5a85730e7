"""Pricing: a dated table of model prices, overruled by the trader's own file."""

from __future__ import annotations

import csv
import logging
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

COLUMNS = ("provider", "model", "valid_from", "input", "cached", "output", "source", "cache_write", "reasoning")
NEEDED = ("provider", "model", "valid_from", "input", "cached", "output")
SHIPPED_AS_OF = date(2025, 11, 30)
OLD_DAYS = 120  # prices change several times a year
# Anthropic charges a quarter more than input for what is written into its cache; nobody else charges for that.
WRITE_FACTORS = {"anthropic": Decimal("1.25")}
MILLION = Decimal(1_000_000)
MICRO = Decimal("0.000001")
HIGHEST = Decimal(1_000_000)
Key = tuple[str, str, date]
# The names that one model has beside its family's: a day it was frozen on, or the newest of its kind.
_DATED = re.compile(r"-(\d{8}|\d{4}-\d\d-\d\d|latest|0)")


@dataclass(frozen=True)
class Price:
    """What one model costs from a day on, in USD a million tokens; `cached` is of input that the provider remembered.

    `own` says that the trader's own file has it. `cache_write` is of input that the provider remembers from now on, and
    `reasoning` of output that was thought and not said; None: as input and output.
    """

    provider: str
    model: str
    valid_from: date
    input: Decimal
    cached: Decimal
    output: Decimal
    source: str
    own: bool = False
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None

    @property
    def key(self) -> Key:
        """What two lines of one file may not both have."""
        return self.provider, self.model, self.valid_from

    @property
    def write(self) -> Decimal:
        """What a million tokens cost that are written into the provider's cache."""
        usual = self.input * WRITE_FACTORS.get(self.provider, Decimal(1))
        return usual if self.cache_write is None else self.cache_write

    @property
    def thought(self) -> Decimal:
        """What a million tokens of thinking cost."""
        return self.output if self.reasoning is None else self.reasoning

    def cost(
        self,
        tokens_in: int | None,
        tokens_out: int | None,
        tokens_cached: int | None = None,
        tokens_written: int | None = None,
        tokens_reasoning: int | None = None,
    ) -> Decimal | None:
        """Return what a call took, to the millionth; None where the provider did not count its tokens.

        Cached and written tokens are among those in, tokens of thinking among those out.
        """
        if self.free:
            return Decimal(0)
        if tokens_in is None or tokens_out is None:
            return None
        cached = min(tokens_in, tokens_cached or 0)
        written = min(tokens_in - cached, tokens_written or 0)
        thought = min(tokens_out, tokens_reasoning or 0)
        amount = (tokens_in - cached - written) * self.input + cached * self.cached + written * self.write
        amount += (tokens_out - thought) * self.output + thought * self.thought
        return (amount / MILLION).quantize(MICRO)

    def most(self, tokens_in: int, tokens_out: int) -> Decimal:
        """Return the most that a call of so many tokens may take, whatever kind of tokens they are."""
        dearest_in, dearest_out = max(self.input, self.cached, self.write), max(self.output, self.thought)
        return ((tokens_in * dearest_in + tokens_out * dearest_out) / MILLION).quantize(MICRO, ROUND_CEILING)

    @property
    def free(self) -> bool:
        """Whether it costs nothing, however many tokens there are."""
        return not (self.input or self.cached or self.output or self.write or self.thought)


@dataclass(frozen=True)
class PriceTable:
    """Every known price, and what of the trader's own file could not be read."""

    prices: tuple[Price, ...]
    problems: tuple[str, ...] = ()
    own_as_of: date | None = None

    @property
    def as_of(self) -> date:
        """When the prices were last looked up: the shipped ones, or the trader's own file where it is newer."""
        return max(SHIPPED_AS_OF, self.own_as_of or SHIPPED_AS_OF)

    def sentence(self, today: date) -> str:
        """Say how old the prices are, and what to do about old ones."""
        own = f", your own as of {self.own_as_of}" if self.own_as_of else ""
        days = (today - self.as_of).days
        old = f". They are {days:,} days old: look them up and import them" if days > OLD_DAYS else ""
        return f"Shipped prices as of {SHIPPED_AS_OF}{own}{old}"

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
                changed = datetime.fromtimestamp(seen[0] / 1e9, UTC).date() if seen else None
                self._seen, self._table = seen, PriceTable((*own, *shipped_prices()), problems, changed)
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
    """Return the prices in a CSV text, and a sentence with its number for each line that is none.

    Of lines that say something else of the same model and day the first counts.
    """
    reader = csv.DictReader(text.splitlines())
    prices: dict[Key, Price] = {}
    problems: list[str] = []
    try:
        head = list(reader.fieldnames or ())
        lacking = [column for column in NEEDED if column not in head]
        if lacking:
            return (), (f"{name}: the first line must name the columns {','.join(NEEDED)}; {lacking[0]} is missing",)
        problems += [f"{name}: {problem}" for problem in _head_problems(head)]
        for fields in reader:
            if not any(isinstance(value, str) and value.strip() for value in fields.values()):
                continue
            try:
                _keep(_price(_cells(fields), own), prices)
            except ValueError as error:
                problems.append(f"{name}, line {reader.line_num}: {error}")
    except csv.Error as error:
        return (), (f"{name}, line {reader.line_num}: {error}",)
    return tuple(prices.values()), tuple(problems)


def _keep(price: Price, prices: dict[Key, Price]) -> None:
    if prices.setdefault(price.key, price) != price:
        raise ValueError(f"{price.provider}'s {price.model} of {price.valid_from} stands there twice")


def _head_problems(head: Sequence[str]) -> Iterable[str]:
    """Return what of the first line is not read, for a price may stand below it."""
    for column in dict.fromkeys(head):
        if head.count(column) > 1:
            yield f"the first line names the column {column} {head.count(column)} times, and the last of them counts"
        elif column not in COLUMNS:
            yield f"the first line names the column {column!r}, which is not known; known are {','.join(COLUMNS)}"


def _cells(fields: Mapping[Any, Any]) -> dict[str, str]:
    """Return a line's cells by column. Raises ValueError where there are more: a comma among the digits moves them."""
    if any(cell.strip() for cell in fields.get(None, ())):
        raise ValueError("it has more cells than the first line has columns; a number has a point and no comma: 2.50")
    return {column: (fields.get(column) or "").strip() for column in COLUMNS}


def _price(fields: dict[str, str], own: bool) -> Price:
    for column in ("provider", "model"):
        if not fields[column]:
            raise ValueError(f"{column} is missing")
    if "*" in fields["model"][:-1]:
        raise ValueError(f"model is {fields['model']!r}; a * stands at its end only")
    try:
        since = date.fromisoformat(fields["valid_from"])
    except ValueError:
        raise ValueError(f"valid_from is {fields['valid_from']!r}; a day such as 2026-01-31 is wanted") from None
    paid = _amount("input", fields["input"])
    cached = _amount("cached", fields["cached"]) if fields["cached"] else paid
    output = _amount("output", fields["output"])
    others = {name: _amount(name, fields[name]) if fields[name] else None for name in ("cache_write", "reasoning")}
    return Price(fields["provider"], fields["model"], since, paid, cached, output, fields["source"], own, **others)


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
