"""Consistency: rules for a database that survived kills, in plain SQL; every fault found is a sentence."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from tests.chaos.harness import Acknowledged

Check = Callable[[sqlite3.Connection, Acknowledged], Iterator[str]]

# Each query names the analyses that break a rule; a healthy database answers with no rows.
RULES = {
    "is not in an end state": "SELECT id FROM market_analysis WHERE status NOT IN ('completed','cancelled')",
    "still has a lease": "SELECT id FROM market_analysis WHERE lease_token IS NOT NULL OR lease_until IS NOT NULL",
    "has no time at which it finished": "SELECT id FROM market_analysis WHERE finished_at IS NULL",
    "is completed and yet has no start, or no full progress": """
        SELECT id FROM market_analysis WHERE status = 'completed' AND (started_at IS NULL OR progress <> 100)""",
    "is completed and yet carries an error": """
        SELECT id FROM market_analysis WHERE status = 'completed' AND error_code IS NOT NULL""",
    "has attempts that are not numbered 1, 2, 3 up to the present one": """
        SELECT m.id FROM market_analysis m LEFT JOIN analysis_attempt a ON a.analysis_id = m.id GROUP BY m.id
        HAVING COUNT(a.id) <> m.attempt OR MIN(a.number) <> 1 OR MAX(a.number) <> m.attempt""",
    "has an attempt that is still open": """
        SELECT analysis_id FROM analysis_attempt WHERE outcome IS NULL OR finished_at IS NULL""",
    "has an outcome that does not belong where it stands": """
        SELECT a.analysis_id FROM analysis_attempt a JOIN market_analysis m ON m.id = a.analysis_id
        WHERE CASE WHEN a.number = m.attempt THEN a.outcome <> m.status
              ELSE a.outcome NOT IN ('failed','interrupted','released') END""",
    "has an attempt that was begun by something else than how the one before it ended": """
        SELECT a.analysis_id FROM analysis_attempt a
        LEFT JOIN analysis_attempt b ON b.analysis_id = a.analysis_id AND b.number = a.number - 1
        WHERE NOT CASE b.outcome WHEN 'failed' THEN a.trigger IN ('rerun','retry','bulk')
                                 WHEN 'interrupted' THEN a.trigger = 'rescue'
                                 WHEN 'released' THEN a.trigger = 'release' ELSE a.trigger = 'first' END""",
    "has a re-run or retry that does not say which failure it answers": """
        SELECT a.analysis_id FROM analysis_attempt a
        JOIN analysis_attempt b ON b.analysis_id = a.analysis_id AND b.number = a.number - 1
        WHERE a.trigger IN ('rerun','retry','bulk') AND (a.after_fingerprint IS NOT b.fingerprint
              OR a.after_code IS NOT b.error_code OR a.after_failed_at IS NOT b.finished_at)""",
    "was retried more often than its expert allows, or counts its retries wrongly": """
        SELECT m.id FROM market_analysis m JOIN expert_instance i ON i.id = m.expert_instance_id
        WHERE m.retries_used > i.max_retries OR m.retries_used <>
        (SELECT COUNT(*) FROM analysis_attempt a WHERE a.analysis_id = m.id AND a.trigger = 'retry' AND a.number >
         (SELECT COALESCE(MAX(b.number), 0) FROM analysis_attempt b
          WHERE b.analysis_id = m.id AND b.trigger IN ('rerun','bulk')))""",
    "was retried before its time": """
        SELECT a.analysis_id FROM analysis_attempt a WHERE a.trigger = 'retry' AND a.started_at < a.after_failed_at""",
    "is not counted in the group of its failures": """
        SELECT a.analysis_id FROM analysis_attempt a LEFT JOIN failure_group g ON g.fingerprint = a.fingerprint
        WHERE a.outcome = 'failed' AND (g.fingerprint IS NULL OR g.seen <>
        (SELECT COUNT(*) FROM analysis_attempt b WHERE b.outcome = 'failed' AND b.fingerprint = a.fingerprint))""",
    "has an earlier attempt without its archive": """
        SELECT a.analysis_id FROM analysis_attempt a JOIN market_analysis m ON m.id = a.analysis_id
        LEFT JOIN attempt_archive k ON k.attempt_id = a.id WHERE a.number < m.attempt AND k.contents IS NULL""",
    "counts its re-runs wrongly": """
        SELECT m.id FROM market_analysis m WHERE m.reruns_used <>
        (SELECT COUNT(*) FROM analysis_attempt a WHERE a.analysis_id = m.id AND a.trigger IN ('rerun','bulk'))""",
    "counts its rescues since the last re-run wrongly": """
        SELECT m.id FROM market_analysis m WHERE m.rescues_used <>
        (SELECT COUNT(*) FROM analysis_attempt a WHERE a.analysis_id = m.id AND a.trigger = 'rescue' AND a.number >
         (SELECT COALESCE(MAX(b.number), 0) FROM analysis_attempt b WHERE b.analysis_id = m.id AND b.trigger = 'rerun')
        )""",
    "has rows of an attempt that is not the present one": """
        SELECT m.id FROM market_analysis m WHERE
           EXISTS (SELECT 1 FROM analysis_output o WHERE o.market_analysis_id = m.id AND o.attempt <> m.attempt)
        OR EXISTS (SELECT 1 FROM analysis_step s WHERE s.analysis_id = m.id AND s.attempt <> m.attempt)
        OR EXISTS (SELECT 1 FROM expert_recommendation r WHERE r.market_analysis_id = m.id AND r.attempt <> m.attempt)
        """,
    "is completed and yet does not have exactly the steps its expert takes": """
        SELECT m.id FROM market_analysis m JOIN expert_config c ON c.id = m.config_id
        WHERE m.status = 'completed' AND (SELECT GROUP_CONCAT(position) FROM
          (SELECT s.position FROM analysis_step s WHERE s.analysis_id = m.id ORDER BY s.position)) IS NOT
        (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < c.settings ->> 'steps')
         SELECT GROUP_CONCAT(i) FROM n)""",
    "is completed and yet has a step that is not, or that recorded no result": """
        SELECT s.analysis_id FROM analysis_step s JOIN market_analysis m ON m.id = s.analysis_id
        LEFT JOIN analysis_step_result r ON r.step_id = s.id
        WHERE m.status = 'completed' AND (s.status <> 'completed' OR r.result IS NULL)""",
    "is completed and yet does not have exactly the outputs its expert writes": """
        SELECT m.id FROM market_analysis m JOIN expert_config c ON c.id = m.config_id
        LEFT JOIN analysis_output o ON o.market_analysis_id = m.id WHERE m.status = 'completed' GROUP BY m.id
        HAVING COUNT(o.id) <> c.settings ->> 'outputs' OR COUNT(DISTINCT o.name) <> COUNT(o.id)""",
    "has an output that belongs to no step, or lacks its data": """
        SELECT o.market_analysis_id FROM analysis_output o
        LEFT JOIN analysis_step s ON s.id = o.step_id AND s.analysis_id = o.market_analysis_id
        LEFT JOIN analysis_raw_data d ON d.output_id = o.id
        JOIN market_analysis m ON m.id = o.market_analysis_id
        WHERE m.status = 'completed' AND (s.id IS NULL OR d.data IS NULL)""",
    "is completed and yet has no recommendation that agrees with it": """
        SELECT m.id FROM market_analysis m LEFT JOIN expert_recommendation r ON r.market_analysis_id = m.id
        WHERE m.status = 'completed' AND (r.recommended_action IS NOT m.result_action
              OR r.confidence IS NOT m.result_confidence OR r.symbol <> m.symbol)""",
    "has a current recommendation although it is not the newest completed one of its subject": """
        SELECT r.market_analysis_id FROM expert_recommendation r WHERE r.is_current AND r.market_analysis_id IS NOT
        (SELECT q.market_analysis_id FROM expert_recommendation q JOIN market_analysis m ON m.id = q.market_analysis_id
         WHERE m.status = 'completed' AND q.symbol = r.symbol AND q.subtype = r.subtype
           AND q.expert_instance_id = r.expert_instance_id
         ORDER BY q.effective_as_of DESC, q.market_analysis_id DESC LIMIT 1)""",
    "is completed in a subject that does not have exactly one current recommendation": """
        SELECT MIN(m.id) FROM market_analysis m JOIN expert_recommendation r ON r.market_analysis_id = m.id
        WHERE m.status = 'completed' GROUP BY r.expert_instance_id, r.symbol, r.subtype
        HAVING SUM(r.is_current) <> 1""",
    "was re-run without exactly one line about it in the activity log": """
        SELECT a.analysis_id FROM analysis_attempt a WHERE a.trigger = 'rerun' AND 1 <>
        (SELECT COUNT(*) FROM activity_log l WHERE l.subject_type = 'analysis' AND l.subject_id = a.analysis_id
         AND l.attempt = a.number AND l.what = 're-run')""",
    "is in a batch that still waits for it": """
        SELECT i.analysis_id FROM batch_item i JOIN batch b ON b.id = i.batch_id
        WHERE i.outcome = 'queued' OR b.state = 'running'""",
}  # fmt: skip


def faults(database: Path, said: Acknowledged) -> list[str]:
    """Return a sentence for everything that is wrong; a healthy database has none."""
    with closing(sqlite3.connect(database)) as connection:
        found = [
            f"Analysis {analysis_id} {rule}"
            for rule, query in RULES.items()
            for (analysis_id,) in connection.execute(query)
        ]
        return [*found, *(fault for check in CHECKS for fault in check(connection, said))]


def nothing_acknowledged_is_lost(connection: sqlite3.Connection, said: Acknowledged) -> Iterator[str]:
    """Whatever the console said yes to is there, and nothing but a cancel has ended as cancelled."""
    status = dict(connection.execute("SELECT id, status FROM market_analysis"))
    yield from (f"Analysis {lost} was acknowledged and is lost" for lost in said.submitted - status.keys())
    yield from (
        f"Analysis {analysis_id} was acknowledged as cancelled and is {status.get(analysis_id)}"
        for analysis_id in said.cancelled
        if status.get(analysis_id) != "cancelled"
    )
    begun = set(connection.execute("SELECT analysis_id, number FROM analysis_attempt WHERE trigger = 'rerun'"))
    yield from (
        f"Analysis {analysis_id}: the re-run acknowledged as attempt {number} is lost"
        for analysis_id, number in said.reruns - begun
    )


def nothing_completed_is_done_again(connection: sqlite3.Connection, said: Acknowledged) -> Iterator[str]:
    """An analysis that a client has seen completed is still the same attempt, finished at the same instant."""
    ended = {
        row[0]: (row[1], datetime.fromisoformat(row[2]))
        for row in connection.execute("SELECT id, attempt, finished_at FROM market_analysis WHERE status = 'completed'")
    }
    for analysis_id, (attempt, finished_at) in said.completed.items():
        seen = (attempt, datetime.fromisoformat(finished_at).replace(tzinfo=None))
        if ended.get(analysis_id) != seen:
            yield f"Analysis {analysis_id} was seen completed as {seen} and is now {ended.get(analysis_id)}"


def the_file_is_sound(connection: sqlite3.Connection, said: Acknowledged) -> Iterator[str]:
    """SQLite itself finds nothing wrong."""
    yield from (f"integrity_check: {row[0]}" for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok")
    yield from (f"foreign_key_check: {json.dumps(row)}" for row in connection.execute("PRAGMA foreign_key_check"))


CHECKS: tuple[Check, ...] = (
    nothing_acknowledged_is_lost,
    nothing_completed_is_done_again,
    the_file_is_sound,
)
