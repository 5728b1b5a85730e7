"""Currency units: the codes of hundredth parts in which exchanges quote, with the currency of each."""

from __future__ import annotations

HUNDREDTHS = {
    "GBp": "GBP", "GBX": "GBP", "GBx": "GBP", "ZAc": "ZAR", "ZAC": "ZAR", "ILA": "ILS", "ILa": "ILS",
    "USX": "USD", "USx": "USD", "EUX": "EUR", "EUx": "EUR",
}  # fmt: skip


def scale_of(unit: str) -> tuple[float, str]:
    """Return by what a price in this unit is multiplied to be in its currency, and that currency."""
    return (0.01, HUNDREDTHS[unit]) if unit in HUNDREDTHS else (1.0, unit)
