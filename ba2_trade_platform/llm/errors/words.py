"""Error words: finds the meaning of a refusal in the table of the vendors' words, in which the first fit wins."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ba2_trade_platform.llm.errors.meanings import MEANINGS, Meaning
from ba2_trade_platform.llm.errors.said import Said

COLUMNS = ("meaning", "vendor", "status", "code", "words", "example")


@dataclass(frozen=True)
class Row:
    """One line of the table: what must fit of status, code and words, each where it is given.

    Codes and statuses are parted by spaces, any of them fits. `vendor` is the dialect it was learned from.
    """

    meaning: Meaning
    vendor: str
    statuses: frozenset[int]
    codes: frozenset[str]
    words: re.Pattern[str] | None
    example: str

    def fits(self, said: Said, matter: str) -> bool:
        """Tell whether an error is of this line; in the midst of a stream no status is said, and none is wanted."""
        by_status_alone = not self.codes and self.words is None
        if self.statuses and said.status not in self.statuses and (by_status_alone or said.status is not None):
            return False
        if self.codes and not self.codes & said.codes:
            return False
        return self.words is None or self.words.search(matter) is not None


def find(said: Said, vendor: str = "") -> Meaning | None:
    """Return what an error means, None where the table does not know. A vendor's own lines go before all others."""
    matter = said.matter
    return next((row.meaning for row in _ordered(vendor) if row.fits(said, matter)), None)


@cache
def table() -> tuple[Row, ...]:
    """Return the lines in their order; raises ValueError or KeyError when the file is broken."""
    text = (files("ba2_trade_platform.llm.errors") / "error_words.csv").read_text(encoding="utf-8")
    return tuple(_row(fields) for fields in csv.DictReader(text.splitlines()))


def _row(fields: dict[str, str]) -> Row:
    return Row(
        MEANINGS[fields["meaning"]],
        fields["vendor"],
        frozenset(int(one) for one in fields["status"].split()),
        frozenset(fields["code"].casefold().split()),
        re.compile(fields["words"], re.IGNORECASE) if fields["words"] else None,
        fields["example"],
    )


@cache
def _ordered(vendor: str) -> Sequence[Row]:
    return sorted(table(), key=lambda row: row.vendor != vendor)
