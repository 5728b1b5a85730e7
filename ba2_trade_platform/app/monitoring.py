"""Monitoring services: builds the read models that pages, API and command line show."""

from __future__ import annotations

from dataclasses import dataclass

from ba2_trade_platform.core.attempts.archive_files import ArchiveFiles
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.monitoring.details import Details
from ba2_trade_platform.core.monitoring.failure_inbox import FailureInbox
from ba2_trade_platform.core.monitoring.failure_triage import Triage
from ba2_trade_platform.core.monitoring.job_list import JobList
from ba2_trade_platform.core.monitoring.rerun_outlook import RerunOutlooks
from ba2_trade_platform.core.monitoring.retry_statistics import RetryStatistics


@dataclass(frozen=True)
class Monitoring:
    """What the desk has done, as rows, groups and numbers."""

    jobs: JobList
    details: Details
    outlook: RerunOutlooks
    failures: FailureInbox
    triage: Triage
    retries: RetryStatistics


def open_monitoring(store: Store, archive_files: ArchiveFiles) -> Monitoring:
    """Put the services together; nothing is read yet."""
    jobs = JobList(store)
    return Monitoring(
        jobs=jobs,
        details=Details(store, jobs, archive_files),
        outlook=RerunOutlooks(store),
        failures=FailureInbox(store),
        triage=Triage(store),
        retries=RetryStatistics(store),
    )
