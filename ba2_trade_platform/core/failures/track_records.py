"""Track record: counts how attempts after the same error ended, as evidence for the re-run outlook."""

from __future__ import annotations

import json
from collections.abc import Iterable
from statistics import median
from typing import Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

By = Literal["fingerprint", "code"]
NEWEST = 200
ENOUGH = 3

# For each key the newest answers that completed or failed, from its index alone; the waits of those that succeeded.
# One that never began, because it was stopped or its expert could not work, tried nothing.
_STATEMENT = """
SELECT wanted.value, (
    SELECT json_array(COUNT(*), SUM(outcome = 'completed'), json_group_array(
        CASE outcome WHEN 'completed' THEN (julianday(started_at) - julianday(after_failed_at)) * 86400 END))
    FROM (
        SELECT outcome, started_at, after_failed_at FROM analysis_attempt
        WHERE {column} = wanted.value AND {column} IS NOT NULL AND outcome IN ('completed', 'failed')
          AND started_at IS NOT NULL
        ORDER BY id DESC LIMIT :newest))
FROM json_each(:keys) AS wanted
"""
_STATEMENTS = {
    by: text(_STATEMENT.format(column=column))
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


def tracks(session: Session, errors: Iterable[tuple[str, str]]) -> dict[str, Track]:
    """Return the track record of each (fingerprint, code), by fingerprint; two statements at most."""
    codes = dict(errors)
    found = _count(session, "fingerprint", codes)
    few = {fingerprint for fingerprint in codes if found[fingerprint].tried < ENOUGH}
    by_code = _count(session, "code", {codes[fingerprint] for fingerprint in few}) if few else {}
    return {
        fingerprint: by_code[code] if fingerprint in few else found[fingerprint] for fingerprint, code in codes.items()
    }


def _count(session: Session, by: By, keys: Iterable[str]) -> dict[str, Track]:
    rows = session.execute(_STATEMENTS[by], {"keys": json.dumps(sorted(keys)), "newest": NEWEST})
    return {key: _track(by, *json.loads(counted)) for key, counted in rows}


def _track(by: By, tried: int, succeeded: int | None, waits: list[float | None]) -> Track:
    known = [wait for wait in waits if wait is not None]
    # A Julian day is exact to a tenth of a millisecond.
    return Track(by, tried, succeeded or 0, round(median(known), 3) if known else None)
