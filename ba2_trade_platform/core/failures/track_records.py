"""Track record: counts how attempts after the same error ended, as evidence for the re-run outlook."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Literal, NamedTuple

from sqlalchemy import Integer, String, bindparam
from sqlalchemy.orm import Session

from ba2_trade_platform.db.dialect_text import statement

By = Literal["fingerprint", "code"]
NEWEST = 200
ENOUGH = 3
UNKNOWN = -1_000_000_000  # seconds: succeeded, and nothing says when it had failed

# For each key the newest answers that completed or failed, from its index alone: the wait of one that succeeded.
# One that never began, because it was stopped or its expert could not work, tried nothing.
_STATEMENT = """
SELECT wanted.value, (
    SELECT json_list(
        CASE outcome WHEN 'completed' THEN COALESCE(seconds_between(after_failed_at, started_at), {unknown}) END)
    FROM (
        SELECT outcome, started_at, after_failed_at FROM analysis_attempt
        WHERE {column} = wanted.value AND {column} IS NOT NULL AND outcome IN ('completed', 'failed')
          AND started_at IS NOT NULL
        ORDER BY id DESC LIMIT :newest) AS answers)
FROM json_values(:keys) AS wanted
"""
_STATEMENTS = {
    by: statement(_STATEMENT.format(column=column, unknown=UNKNOWN)).bindparams(
        bindparam("keys", type_=String()), bindparam("newest", type_=Integer())
    )
    for by, column in (("fingerprint", "after_fingerprint"), ("code", "after_code"))
}


class Track(NamedTuple):
    """Of the newest 200 attempts that answered an error and have ended: how many, how many well, how long they waited.

    `by` says whether they answered this very error (its fingerprint) or, where that has fewer than three, its code.
    """

    by: By = "fingerprint"
    tried: int = 0
    succeeded: int = 0
    median_wait_seconds: float | None = None

    @property
    def promising(self) -> bool:
        """Whether the record speaks for a re-run; too short a one does not speak against it."""
        return self.tried < ENOUGH or 2 * self.succeeded >= self.tried


def tracks(session: Session, codes: Mapping[str, str]) -> dict[str, Track]:
    """Return the track record of each fingerprint, of which the codes are given; two statements at most."""
    found = _count(session, "fingerprint", codes)
    few = {fingerprint for fingerprint in codes if found[fingerprint].tried < ENOUGH}
    by_code = _count(session, "code", {codes[fingerprint] for fingerprint in few}) if few else {}
    return {
        fingerprint: by_code[code] if fingerprint in few else found[fingerprint] for fingerprint, code in codes.items()
    }


def _count(session: Session, by: By, keys: Iterable[str]) -> dict[str, Track]:
    found = {}
    for key, answers in session.execute(_STATEMENTS[by], {"keys": json.dumps(sorted(keys)), "newest": NEWEST}):
        waited = json.loads(answers)
        waits = [wait for wait in waited if wait is not None and wait != UNKNOWN]
        # A Julian day is exact to a tenth of a millisecond.
        wait = round(median(waits), 3) if waits else None
        found[key] = Track(by, len(waited), len(waited) - waited.count(None), wait)
    return found
