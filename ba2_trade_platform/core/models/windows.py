"""Known windows: a dated table of the models' windows, and which figure counts for a provider's model."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ba2_trade_platform.core.contracts.model_providers import Provider
from ba2_trade_platform.core.contracts.model_windows import Window, WindowSource

FIELD = "window"


@dataclass(frozen=True)
class KnownWindow:
    """One line of the table: a dialect's name, a model or the beginning of its name with `*`, and tokens."""

    vendor: str
    model: str
    tokens: int
    source: str

    def fits(self, model: str) -> bool:
        """Tell whether the line is of this model."""
        begins = self.model.removesuffix("*")
        return model == self.model or (begins != self.model and model.startswith(begins))


def window_of(provider: Provider, model: str) -> Window | None:
    """Return the window of a provider's model, None where nobody knows it.

    What a person has set comes first, of the model and then of the whole provider; then what the server itself was
    heard to say, the table, and what is usual of the vendor.
    """
    asked = next((one.value for one in provider.adaptations.get(model, ()) if one.field == FIELD), None)
    sources = (
        (provider.windows.get(model), WindowSource.SET),
        (provider.dialect_changes.get(FIELD), WindowSource.SET),
        (asked, WindowSource.ASKED),
        (known_window(provider.dialect.name, model), WindowSource.KNOWN),
        (None if FIELD in provider.dialect_changes else provider.dialect.window, WindowSource.DIALECT),
    )
    return next((Window(tokens, source) for tokens, source in sources if tokens), None)


def known_window(vendor: str, model: str) -> int | None:
    """Return what the table has of a vendor's model: the line that names most of it."""
    fitting = [one for one in known_windows() if one.vendor == vendor and one.fits(model)]
    return max(fitting, key=lambda one: len(one.model)).tokens if fitting else None


@cache
def known_windows() -> tuple[KnownWindow, ...]:
    """Return the table."""
    text = files("ba2_trade_platform.core.models.data").joinpath("model_windows.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(KnownWindow(row["vendor"], row["model"], int(row["window"]), row["source"]) for row in rows)
