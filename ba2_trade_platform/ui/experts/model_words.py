"""Model words: window, price and newest test of a known model in one line, as a trader compares them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.contracts.model_checks import CheckedModel
from ba2_trade_platform.core.models.known_models import KnownModel
from ba2_trade_platform.ui.kit.formats import price_words

TIERS = {"quick": "its quick model", "deep": "its deep model"}
NOT_KNOWN = "not known here: it is asked as it is typed"


def model_words(model: KnownModel, zone: ZoneInfo) -> str:
    """Return what is known of a model, in one line."""
    window = f"{model.window:,} tokens" if model.window else "window unknown"
    own = " and ".join(TIERS[tier] for tier in model.tiers)
    return " · ".join(filter(None, (own, window, price_words(model.price), tested_words(model.tested, zone))))


def tested_words(tested: CheckedModel | None, zone: ZoneInfo) -> str:
    """Return what the newest test found: what works, or else what does not and why."""
    if tested is None or not tested.checks:
        return "never tested"
    day = _day(tested.checked_at, zone)
    bad = [check for check in tested.checks if not check.ok]
    if not bad:
        return f"tested {day}: {', '.join(one.check.value for one in tested.checks)}"
    names = ", ".join(one.check.value for one in bad)
    return f"failed {day}: {names}" + (f" ({bad[0].sentence})" if bad[0].sentence else "")


def _day(instant: datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(zone)
    year = "" if local.year == datetime.now(zone).year else f" {local.year}"
    return f"{local.day} {local:%b}{year}"
