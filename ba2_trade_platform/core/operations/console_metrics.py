"""Console metrics: gauges that are read when Prometheus asks, beside the counters of past events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.core.base.change_feed import ChangeFeed
from ba2_trade_platform.core.monitoring.job_list import BOUND, JobList
from ba2_trade_platform.core.operations.health import Health
from ba2_trade_platform.core.operations.health_report import State
from ba2_trade_platform.core.worker.worker import ExpertWorker
from ba2_trade_platform.vocabulary import Status

HEALTH_NUMBERS = {
    "claim_lag": ("ba2_claim_lag_seconds", "How long the analysis that is due for the longest has waited"),
    "oldest": ("ba2_oldest_pending_seconds", "Age of the oldest pending analysis"),
    "worker_loop": ("ba2_worker_loop_lag_seconds", "p99 of the last minute"),
    "page_loop": ("ba2_page_loop_lag_seconds", "p99 of the last minute"),
    "scheduler": ("ba2_scheduler_running", "1 while the scheduler runs"),
    "database": ("ba2_database_bytes", "Size of the database"),
    "wal": ("ba2_wal_bytes", "Size of its write-ahead log"),
    "free_pages": ("ba2_database_free_bytes", "Room inside of the database that is used again"),
    "disk": ("ba2_disk_free_bytes", "Room on the disk of the data folder"),
    "backup_disk": ("ba2_backup_disk_free_bytes", "Room on the disk of the backups"),
    "backup": ("ba2_backup_age_seconds", "Age of the newest verified backup; absent without one"),
    "providers": ("ba2_providers_held", "Providers whose retries wait"),
    "notifications": ("ba2_notifications_failed", "Messages of the last day that never went out"),
    "memory": ("ba2_memory_bytes", "Memory of this process"),
    "uptime": ("ba2_uptime_seconds", "Seconds since the console was put together"),
    "pages": ("ba2_open_pages", "Pages that are open"),
}
CAPPED = f"(ends at {BOUND + 1}, which stands for more)"


@dataclass(frozen=True, eq=False)
class ConsoleCollector(Collector):
    """Reads the queue, the worker and the health report at each scrape."""

    jobs: JobList
    queue: WorkerQueue
    worker: ExpertWorker
    feed: ChangeFeed
    health: Health

    def describe(self) -> list[Metric]:
        """Say nothing before the first scrape: registering is no reason to read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read everything now; raises Unavailable when the database cannot be read."""
        state, status = self.queue.state(), self.worker.status
        counts = {each: self.jobs.count(Filter(status=(each,))) for each in (Status.PENDING, Status.RUNNING)}
        waiting, at_work = counts[Status.PENDING], counts[Status.RUNNING]
        failed = self.jobs.count(Filter(status=(Status.FAILED,)))
        yield GaugeMetricFamily("ba2_pending_analyses", f"Analyses that wait {CAPPED}", waiting)
        yield GaugeMetricFamily("ba2_running_analyses", f"Analyses that run {CAPPED}", at_work)
        yield GaugeMetricFamily("ba2_failed_analyses", f"Analyses that stand as failed {CAPPED}", failed)
        yield GaugeMetricFamily("ba2_slots", "Analyses that may run at once", state.slots)
        yield GaugeMetricFamily("ba2_slots_busy", "Slots that are taken, by experts that do not stop too", status.busy)
        yield GaugeMetricFamily("ba2_queue_paused", "1 while nothing new is started", int(state.paused))
        yield GaugeMetricFamily("ba2_worker_running", "1 while the worker runs", int(status.running))
        trouble = int(status.storage_problem is not None)
        yield GaugeMetricFamily("ba2_storage_trouble", "1 while the worker cannot write", trouble)
        listeners = "Who listens for changes: services, and one for all open pages"
        yield GaugeMetricFamily("ba2_change_listeners", listeners, self.feed.listeners)
        yield CounterMetricFamily("ba2_stale_results", "Late results that were discarded", status.stale_results)
        yield CounterMetricFamily("ba2_rescued", "Analyses taken over from a dead worker", status.rescued)
        yield GaugeMetricFamily("queue_depth", f"Analyses that wait or run {CAPPED}", waiting + at_work)
        yield GaugeMetricFamily("slots", "Analyses that may run at once", state.slots)
        report = self.health.read()
        for item in report.items:
            if item.key in HEALTH_NUMBERS and item.number is not None:
                name, text = HEALTH_NUMBERS[item.key]
                yield GaugeMetricFamily(name, text, item.number)
        yield GaugeMetricFamily("ba2_health_bad", "Items of the page Health that need a person now", len(report.bad))
        watched = sum(item.state is State.WARN for item in report.items)
        yield GaugeMetricFamily("ba2_health_warn", "Items to watch", watched)
