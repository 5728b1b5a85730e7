"""Price import: puts a file of model prices into the trader's own one, whole or not at all, and takes it back."""

from __future__ import annotations

import csv
import io
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from pathlib import Path

from ba2_trade_platform.core.base.access import needs
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Impossible, Invalid, Refused
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.models.pricing import COLUMNS, Price, Pricing, parse

log = logging.getLogger(__name__)
MOST_CHARACTERS = 1_000_000
SHOWN_PROBLEMS = 20


@dataclass(frozen=True)
class PriceImport:
    """What a file of prices brings, or brought; `changed` replaces a price of the same model and day."""

    added: int
    changed: int
    same: int
    kept: int
    preview: bool

    @property
    def sentence(self) -> str:
        """Say what became of it."""
        begin = "Would add" if self.preview else "Added"
        return (
            f"{begin} {_prices(self.added)} and {'change' if self.preview else 'changed'} {self.changed:,}; "
            f"{self.same:,} stood there already, {self.kept:,} others stay"
        )


class PriceImports:
    """Writes the trader's own price file; the one before is kept beside it."""

    def __init__(self, store: Store, pricing: Pricing) -> None:
        self.check_permission = store.check_permission
        self._store = store
        self._pricing = pricing

    @needs(Action.IMPORT, Subject.SETTING)
    def load(self, text: str, *, by: Actor, preview: bool = False) -> PriceImport:
        """Take over a CSV file's prices, or only look. Raises Invalid, Impossible or Refused and changes nothing.

        Lines of other models and of other days stay.
        """
        found = _checked(text)
        lost = self._pricing.table().problems
        if lost:
            begin = f"Nothing was imported, for what {self._pricing.own.name} has now would be lost; correct it first"
            raise Refused(f"{begin}. {_listed(lost)}", code="PRICE_FILE")
        own = {price.key: price for price in self._own()}
        there = {price.key for price in found} & own.keys()
        changed = sum(own[price.key] != price for price in found if price.key in there)
        whole = own | {price.key: price for price in found}
        told = PriceImport(len(found) - len(there), changed, len(there) - changed, len(own) - len(there), preview)
        if not preview and told.added + changed:
            with self._store.command(by, Action.IMPORT, Subject.SETTING) as command:
                self._write(_text_of(whole.values()))
                command.record(key=self._pricing.own.name, after=told.sentence)
            log.info("%s imported model prices: %s", by, told.sentence)
        return told

    @needs(Action.UNDO, Subject.SETTING)
    def undo(self, *, by: Actor) -> str:
        """Exchange the price file for the one before the last import; a second time takes that back."""
        former = self._former
        if not former.exists():
            raise Refused("No prices were imported yet, so there are none to go back to", code="NO_FORMER_PRICES")
        with self._store.command(by, Action.UNDO, Subject.SETTING) as command:
            self._write(former.read_text(encoding="utf-8"))
            command.record(key=self._pricing.own.name, after="the file before the last import")
        return f"{self._pricing.own.name} is again what it was before: {_prices(len(self._own()))} of your own"

    @property
    def _former(self) -> Path:
        return self._pricing.own.with_name(f"{self._pricing.own.name}.before")

    def _own(self) -> list[Price]:
        return [price for price in self._pricing.table().prices if price.own]

    def _write(self, text: str) -> None:
        own = self._pricing.own
        try:
            before = own.read_text(encoding="utf-8-sig") if own.exists() else _text_of(())
            _replace(self._former, before)
            _replace(own, text)
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"{own} cannot be written: {error}", code="PRICE_FILE") from error


def _checked(text: str) -> tuple[Price, ...]:
    if len(text) > MOST_CHARACTERS:
        raise Impossible(
            f"The file has {len(text):,} characters, {MOST_CHARACTERS:,} at most: part it", code="FILE_TOO_LARGE"
        )
    found, problems = parse(text.removeprefix("\ufeff"), "The file", own=True)
    if problems:
        raise Impossible(f"Nothing was imported. {_listed(problems)}", code="INVALID_PRICES")
    if not found:
        raise Invalid("Nothing was imported: the file holds no prices")
    return found


def _listed(problems: Sequence[str]) -> str:
    more = f"; and {len(problems) - SHOWN_PROBLEMS:,} more" if len(problems) > SHOWN_PROBLEMS else ""
    return f"{'; '.join(problems[:SHOWN_PROBLEMS])}{more}"


def _text_of(prices: Iterable[Price]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for price in sorted(prices, key=attrgetter("key")):
        writer.writerow([_cell(getattr(price, column)) for column in COLUMNS])
    return out.getvalue()


def _cell(value: object) -> str:
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(path)


def _prices(count: int) -> str:
    return f"{count:,} {'price' if count == 1 else 'prices'}"
