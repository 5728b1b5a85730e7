"""Monitoring services: builds the read models that pages, API and command line show."""

from __future__ import annotations

from dataclasses import dataclass

from ba2_trade_platform.core.attempts.archive_files import PackedArchives
from ba2_trade_platform.core.base.transactions import Store
from ba2_trade_platform.core.monitoring.details import Details
from ba2_trade_platform.core.monitoring.failure_inbox import FailureInbox
from ba2_trade_platform.core.monitoring.failure_marks import FailureMarks
from ba2_trade_platform.core.monitoring.job_list import Monitor
from ba2_trade_platform.core.monitoring.rerun_outlook import Assessments
from ba2_trade_platform.core.monitoring.retry_statistics import RetryStatistics


@dataclass(frozen=True)
class Monitoring:
    """What the desk has done, as rows, groups and numbers."""

    jobs: Monitor
    details: Details
    outlook: Assessments
    failures: FailureInbox
    triage: FailureMarks
    retries: RetryStatistics


def open_monitoring(store: Store, packed: PackedArchives) -> Monitoring:
    """Put the services together; nothing is read yet."""
    jobs = Monitor(store)
    return Monitoring(
        jobs=jobs,
        details=Details(store, jobs, packed),
        outlook=Assessments(store),
        failures=FailureInbox(store),
        triage=FailureMarks(store),
        retries=RetryStatistics(store),
    )
