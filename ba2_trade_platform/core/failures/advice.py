"""Failure advice: cause and remedy of each failure code in plain words, for pages and messages."""

from __future__ import annotations

import re
from typing import NamedTuple


class Advice(NamedTuple):
    """`cause` in a few words, what to do, and `towards`, the word that leads to a provider's name."""

    cause: str
    hint: str
    towards: str = ""

    def blaming(self, provider: str | None) -> str:
        """Return the cause, with the provider where one is known: API key refused by openai."""
        return f"{self.cause} {self.towards} {provider}" if provider and self.towards else self.cause

    def hint_beside(self, *, likely: bool) -> str:
        """Return the hint without its promise where the record of re-runs speaks against it."""
        return self.hint if likely else re.sub(r" A re-run [^.]*likely to work[^.]*\.", "", self.hint)


_ADVICE = {
    "RATE_LIMIT": Advice(
        "too many requests", "The provider asked to slow down. A re-run in a moment is likely to work.", "for"
    ),
    "PROVIDER_DOWN": Advice(
        "no service", "The provider did not serve. A re-run is likely to work once it is back.", "at"
    ),
    "CONNECTION": Advice("connection broken", "The connection broke. A re-run is likely to work.", "to"),
    "TIMEOUT": Advice(
        "no answer in time", "It took longer than its limit. Re-run it, or raise the expert's time limit.", "from"
    ),
    "MEMORY_STORE": Advice("memory not readable", "The expert's memory could not be read. A re-run may work."),
    "INTERRUPTED": Advice("stopped while it ran", "The console stopped while it ran. Re-run it."),
    "AUTH": Advice(
        "API key refused",
        "The API key was refused. Enter it anew on the page Providers, or in the expert's settings, then re-run.",
        "by",
    ),
    "PERMISSION": Advice(
        "not permitted",
        "The account may not do this, or its credit is used up. Pay or fix the account, or choose another provider, "
        "then re-run.",
        "by",
    ),
    "MODEL_NOT_FOUND": Advice(
        "model unknown", "The model does not exist. Choose another in the expert's settings, then re-run.", "to"
    ),
    "BAD_REQUEST": Advice(
        "request refused", "The provider refused the request. Check the expert's settings, then re-run.", "by"
    ),
    "CONTEXT_OVERFLOW": Advice(
        "question too long",
        "The question was too long for the model. Give it a larger window on Providers or choose another, then re-run.",
        "for",
    ),
    "EXPERT_SKIPPED": Advice(
        "nothing to analyse", "The expert found nothing to do and says why. Run again once that has changed."
    ),
    "EXPERT_UNAVAILABLE": Advice(
        "expert cannot work as configured", "The expert cannot work as it is configured. Fix its settings, then re-run."
    ),
    "DATA_MISSING": Advice(
        "not enough prices",
        "There are not enough prices for this symbol. A re-run cannot help until there are.",
        "from",
    ),
    "SYMBOL_INVALID": Advice(
        "symbol unknown", "The price provider does not know this symbol. Correct or drop it.", "to"
    ),
    "STALE_DATA": Advice(
        "newest price too old", "The newest price is too old; the symbol may be delisted. A re-run cannot help.", "from"
    ),
    "CALENDAR_ENDS": Advice(
        "calendar at its end",
        "The calendar of its exchange ends. Update exchange-calendars or add the days yourself, then re-run.",
    ),
    "OUTPUT_INVALID": Advice(
        "answer not readable", "The answer could not be read. Look at it and decide, or re-run.", "from"
    ),
    "BUDGET": Advice("budget used up", "The budget is used up. Raise it, then re-run: Resume keeps what is done."),
    "BUG": Advice(
        "fault in the expert", "The expert has a fault. Copy the traceback into a report; a re-run may or may not work."
    ),
    "RUN_BEFORE": Advice("its time had passed", "Its time had passed before it could run."),
}
_NONE = Advice("not known", "")


def advice(code: str | None) -> Advice:
    """Return what is said of a code; an unknown one has no hint."""
    return _ADVICE.get(code or "", _NONE)


def fix_first(code: str | None, provider: str | None) -> str:
    """Return what is said of a permanent failure: Permanent: fix first (API key refused by openai)."""
    return f"Permanent: fix first ({advice(code).blaming(provider)})"
