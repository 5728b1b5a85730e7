"""Counts what became of the attempts that answered an error, from the indexes alone: the evidence of a verdict."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

By = Literal["fingerprint", "code"]
NEWEST = 200
ENOUGH = 3

# For each key the newest answers that completed or failed; the middle wait is that of those that succeeded.
_STATEMENT = """
WITH answer AS (
    SELECT wanted.value AS key, a.outcome = 'completed' AS good,
           CASE WHEN a.outcome = 'completed'
                THEN (julianday(a.started_at) - julianday(a.after_failed_at)) * 86400 END AS wait
    FROM json_each(:keys) AS wanted CROSS JOIN analysis_attempt AS a
    WHERE a.{column} = wanted.value AND a.{column} IS NOT NULL AND a.outcome IN ('completed', 'failed')
      AND a.id >= COALESCE((
        SELECT b.id FROM analysis_attempt AS b
        WHERE b.{column} = wanted.value AND b.{column} IS NOT NULL AND b.outcome IN ('completed', 'failed')
        ORDER BY b.id DESC LIMIT 1 OFFSET :newest - 1), 0)
), ranked AS (
    SELECT key, wait, COUNT(*) OVER (PARTITION BY key) AS tried, SUM(good) OVER (PARTITION BY key) AS succeeded,
           ROW_NUMBER() OVER (PARTITION BY key ORDER BY good DESC, wait) AS place
    FROM answer
)
SELECT key, tried, succeeded, AVG(CASE WHEN place IN ((succeeded + 1) / 2, (succeeded + 2) / 2) THEN wait END)
FROM ranked GROUP BY key
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
    few = {fingerprint for fingerprint in codes if found.get(fingerprint, Track()).tried < ENOUGH}
    by_code = _count(session, "code", {codes[fingerprint] for fingerprint in few}) if few else {}
    return {
        fingerprint: by_code.get(code, Track("code")) if fingerprint in few else found[fingerprint]
        for fingerprint, code in codes.items()
    }


def _count(session: Session, by: By, keys: Iterable[str]) -> dict[str, Track]:
    rows = session.execute(_STATEMENTS[by], {"keys": json.dumps(sorted(keys)), "newest": NEWEST})
    # A Julian day is exact to a tenth of a millisecond.
    return {
        key: Track(by, tried, succeeded, None if wait is None else round(wait, 3))
        for key, tried, succeeded, wait in rows
    }
