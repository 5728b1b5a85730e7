"""Failure group state: derived from a person's mark and from present failures, so that it cannot go stale."""

from __future__ import annotations

from enum import StrEnum

from ba2_trade_platform.db.dialect_text import hint


class GroupState(StrEnum):
    """Where a group stands; in the order in which the inbox shows them."""

    REGRESSED = "regressed"
    UNRESOLVED = "unresolved"
    SCHEDULED = "scheduled"
    IGNORED = "ignored"
    RESOLVED = "resolved"
    WONT_FIX = "wont_fix"
    RECOVERED = "recovered"


# What the inbox shows unless told otherwise: what needs a person, and what is being tried again.
LIVE = (GroupState.REGRESSED, GroupState.UNRESOLVED, GroupState.SCHEDULED)
RANK = {state: rank for rank, state in enumerate(GroupState)}

# The indexes are named, for without statistics SQLite takes others, which hold all that ever failed.
BY_FAILED = hint("ix_market_analysis_failed_fingerprint")
BY_ANSWER = hint("ix_analysis_attempt_open_after")
# What a person said holds until the time to ignore it runs out, or until what was resolved comes back.
SET_ASIDE = """(
    g.mark = 'wont_fix'
    OR g.mark = 'ignored' AND (g.ignore_until IS NULL OR g.ignore_until > :now)
                          AND (g.ignore_seen IS NULL OR g.seen < g.ignore_seen)
    OR g.mark = 'resolved' AND g.regressed_at IS NULL
)"""
_FAILED = f"""
    SELECT fingerprint, COUNT(*) FROM market_analysis{BY_FAILED}
    WHERE status = 'failed' AND fingerprint IS NOT NULL GROUP BY fingerprint"""
_ANSWERED = f"""
    SELECT after_fingerprint, COUNT(*) FROM analysis_attempt{BY_ANSWER}
    WHERE outcome IS NULL AND after_fingerprint IS NOT NULL GROUP BY after_fingerprint"""
_RANK = f"""CASE
    WHEN COALESCE({SET_ASIDE}, FALSE) THEN CASE g.mark WHEN 'ignored' THEN {RANK[GroupState.IGNORED]}
        WHEN 'resolved' THEN {RANK[GroupState.RESOLVED]} ELSE {RANK[GroupState.WONT_FIX]} END
    WHEN COALESCE(failed.n, 0) + COALESCE(answered.n, 0) = 0 THEN {RANK[GroupState.RECOVERED]}
    WHEN COALESCE(failed.n, 0) = 0 THEN {RANK[GroupState.SCHEDULED]}
    WHEN g.regressed_at IS NOT NULL THEN {RANK[GroupState.REGRESSED]}
    ELSE {RANK[GroupState.UNRESOLVED]} END"""

# The groups of which something fails now or is tried again, and those that a person has marked: never very many.
STANDING = f"""
WITH failed (fingerprint, n) AS ({_FAILED}), answered (fingerprint, n) AS ({_ANSWERED}),
candidate (fingerprint) AS (
    SELECT fingerprint FROM failed UNION SELECT fingerprint FROM answered
    UNION SELECT fingerprint FROM failure_group WHERE mark IS NOT NULL
), standing AS (
    SELECT g.fingerprint, {_RANK} AS rank, COALESCE(failed.n, 0) AS failed_now,
           COALESCE(answered.n, 0) AS answered, g.last_seen
    FROM candidate CROSS JOIN failure_group AS g
    LEFT JOIN failed ON failed.fingerprint = g.fingerprint
    LEFT JOIN answered ON answered.fingerprint = g.fingerprint
    WHERE g.fingerprint = candidate.fingerprint
)
SELECT fingerprint, rank, failed_now, answered, last_seen FROM standing
WHERE rank <> {RANK[GroupState.RECOVERED]} AND rank IN (SELECT CAST(value AS INTEGER) FROM json_values(:ranks))
  AND (:after_rank IS NULL OR rank > :after_rank OR rank = :after_rank AND (
        failed_now < :after_failed_now OR failed_now = :after_failed_now AND (
            last_seen < :after_last_seen OR last_seen = :after_last_seen AND fingerprint < :after_fingerprint)))
ORDER BY rank, failed_now DESC, last_seen DESC, fingerprint DESC LIMIT :limit
"""
# The rest: walked by its index, the newest first, for of these there may be any number.
RECOVERED = f"""
SELECT g.fingerprint, {RANK[GroupState.RECOVERED]}, 0, 0, g.last_seen FROM failure_group AS g
WHERE NOT COALESCE({SET_ASIDE}, FALSE)
  AND NOT EXISTS (SELECT 1 FROM market_analysis AS a{BY_FAILED}
                  WHERE a.status = 'failed' AND a.fingerprint = g.fingerprint)
  AND NOT EXISTS (SELECT 1 FROM analysis_attempt AS b{BY_ANSWER} WHERE b.outcome IS NULL
                  AND b.after_fingerprint = g.fingerprint AND b.after_fingerprint IS NOT NULL)
  AND (:after_last_seen IS NULL OR (g.last_seen, g.fingerprint) < (:after_last_seen, :after_fingerprint))
ORDER BY g.last_seen DESC, g.fingerprint DESC LIMIT :limit
"""
# One group, whatever its state.
ONE = f"""
SELECT g.fingerprint, {_RANK}, failed.n, answered.n, g.last_seen
FROM failure_group AS g,
     (SELECT COUNT(*) AS n FROM market_analysis{BY_FAILED} WHERE status = 'failed' AND fingerprint = :one) AS failed,
     (SELECT COUNT(*) AS n FROM analysis_attempt{BY_ANSWER}
      WHERE outcome IS NULL AND after_fingerprint = :one AND after_fingerprint IS NOT NULL) AS answered
WHERE g.fingerprint = :one
"""
# Each fingerprint that stands failed is found by one jump in the index, so that thousands of rows cost nothing.
NEEDY = f"""
WITH RECURSIVE failing (fingerprint) AS (
    SELECT MIN(fingerprint) FROM market_analysis{BY_FAILED} WHERE status = 'failed' AND fingerprint IS NOT NULL
    UNION ALL
    SELECT (SELECT MIN(a.fingerprint) FROM market_analysis AS a{BY_FAILED}
            WHERE a.status = 'failed' AND a.fingerprint > failing.fingerprint)
    FROM failing WHERE failing.fingerprint IS NOT NULL
)
SELECT COUNT(*) FROM (
    SELECT 1 FROM failing CROSS JOIN failure_group AS g
    WHERE g.fingerprint = failing.fingerprint AND NOT COALESCE({SET_ASIDE}, FALSE) LIMIT :limit
) AS needy
"""
