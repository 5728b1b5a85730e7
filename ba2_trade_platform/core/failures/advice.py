"""Failure advice: cause and remedy of each failure code in plain words, for pages and messages."""

from __future__ import annotations

import re
from typing import NamedTuple


class Advice(NamedTuple):
    """`cause` in a few words, `towards` the word that leads to a provider's name, and what to do."""

    cause: str
    towards: str
    hint: str

    def blaming(self, provider: str | None) -> str:
        """Return the cause, with the provider where one is known: API key refused by openai."""
        return f"{self.cause} {self.towards} {provider}" if provider and self.towards else self.cause

    def hint_beside(self, *, likely: bool) -> str:
        """Return the hint without its promise where the record of re-runs speaks against it."""
        return self.hint if likely else re.sub(r" A re-run [^.]*likely to work[^.]*\.", "", self.hint)


_ADVICE = {
    "RATE_LIMIT": Advice(
        "too many requests", "for", "The provider asked to slow down. A re-run in a moment is likely to work."
    ),
    "PROVIDER_DOWN": Advice(
        "no service", "at", "The provider did not serve. A re-run is likely to work once it is back."
    ),
    "CONNECTION": Advice("connection broken", "to", "The connection broke. A re-run is likely to work."),
    "TIMEOUT": Advice(
        "no answer in time", "from", "It took longer than its limit. Re-run it, or raise the expert's time limit."
    ),
    "MEMORY_STORE": Advice("memory not readable", "", "The expert's memory could not be read. A re-run may work."),
    "INTERRUPTED": Advice("stopped while it ran", "", "The console stopped while it ran. Re-run it."),
    "AUTH": Advice(
        "API key refused",
        "by",
        "The API key was refused. Enter it anew on the page Providers, or in the expert's settings, then re-run.",
    ),
    "PERMISSION": Advice(
        "not permitted", "by", "The account may not do this. Fix the account or the settings, then re-run."
    ),
    "MODEL_NOT_FOUND": Advice(
        "model unknown", "to", "The model does not exist. Choose another in the expert's settings, then re-run."
    ),
    "BAD_REQUEST": Advice(
        "request refused", "by", "The provider refused the request. Check the expert's settings, then re-run."
    ),
    "CONTEXT_OVERFLOW": Advice(
        "question too long", "for", "The question was too long for the model. Choose a larger model, then re-run."
    ),
    "EXPERT_SKIPPED": Advice(
        "nothing to analyse",
        "",
        "The expert found nothing to do and says why. Run again once that has changed.",
    ),
    "EXPERT_UNAVAILABLE": Advice(
        "expert cannot work as configured",
        "",
        "The expert cannot work as it is configured. Fix its settings, then re-run.",
    ),
    "DATA_MISSING": Advice(
        "not enough prices",
        "from",
        "There are not enough prices for this symbol. A re-run cannot help until there are.",
    ),
    "SYMBOL_INVALID": Advice(
        "symbol unknown", "to", "The price provider does not know this symbol. Correct or drop it."
    ),
    "STALE_DATA": Advice(
        "newest price too old",
        "from",
        "The newest price is too old; the symbol may be delisted. A re-run cannot help.",
    ),
    "OUTPUT_INVALID": Advice(
        "answer not readable", "from", "The answer could not be read. Look at it and decide, or re-run."
    ),
    "BUDGET": Advice("budget used up", "", "The budget is used up. Raise it, then re-run: Resume keeps what is done."),
    "BUG": Advice(
        "fault in the expert",
        "",
        "The expert has a fault. Copy the traceback into a report; a re-run may or may not work.",
    ),
    "RUN_BEFORE": Advice("its time had passed", "", "Its time had passed before it could run."),
}
_NONE = Advice("not known", "", "")


def advice(code: str | None) -> Advice:
    """Return what is said of a code; an unknown one has no hint."""
    return _ADVICE.get(code or "", _NONE)
