"""Health of the console: a good part says so, and a bad one says its remedy."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.observability.loop_lag import Lag, LoopLag
from ba2_trade_platform.core.observability.process import ClockWatch
from ba2_trade_platform.core.operations import health_checks as checks
from ba2_trade_platform.core.operations.backups import Backup, Plan
from ba2_trade_platform.core.operations.health import Health, Parts, Readiness
from ba2_trade_platform.core.operations.health_report import Item, State
from ba2_trade_platform.db.migrate import head
from tests.fakes.experts import Gate, Scripted
from tests.platforms import TRADER, make_platform, practice, running, submit, wait_until
from tests.scripted_console import console, submit_to
from tests.sql import change, file_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
NIGHTLY = Plan(NOW.time(), ZoneInfo("UTC"), 7)


def item(platform: Platform, key: str) -> Item:
    """Return one item of a fresh look."""
    return {each.key: each for each in platform.operations.health.read().items}[key]


def test_a_console_at_work_is_well(tmp_path: Path) -> None:
    with running(make_platform(tmp_path)) as platform:
        wait_until(platform, lambda: platform.operations.health.obstacles() == (), "being ready")
        platform.operations.backups.make(by=TRADER)
        report = platform.operations.health.read()
    assert report.sentence == "All is well", report.text
    assert report.versions["console"] == platform.version
    assert {"python", "sqlite", "nicegui"} <= set(report.versions)


def test_a_console_that_does_not_work_says_what_to_do(platform: Platform) -> None:
    assert platform.operations.health.obstacles() == ("the worker does not run", "the scheduler does not run")
    report = platform.operations.health.read()
    assert {each.key for each in report.bad} == {"worker", "scheduler"}
    assert item(platform, "worker").sentence == "The worker does not run: restart the console"
    assert report.sentence == "2 bad, 1 to watch"  # no backup yet


def test_the_text_for_a_bug_report_names_no_folder_and_no_secret(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    platform.operations.dead_man_switch.change("https://hc.example/secret", by=TRADER)
    platform.operations.backups.make(by=TRADER)
    text = platform.operations.health.read().text
    assert str(tmp_path) not in text
    assert "secret" not in text
    assert "Worker: The worker does not run" in text
    platform.stop()


def test_the_oldest_that_waits_says_why(tmp_path: Path) -> None:
    gate = Gate()
    with console(tmp_path, Scripted("Waiting", lambda context: context.step("Wait", gate.hold)), workers=1) as platform:
        first = submit_to(platform, "Waiting")
        wait_until(platform, lambda: platform.worker.status.busy == 1, "the first at work")
        second = submit_to(platform, "Steady", "MSFT")
        lag = item(platform, "claim_lag")
        assert lag.sentence.endswith("all slots are taken")
        assert lag.link == item(platform, "oldest").link == f"/market_analysis/{second}"
        assert first != second
        gate.open()


def test_a_paused_queue_is_to_be_watched(platform: Platform) -> None:
    platform.queue.pause(by=TRADER, reason="lunch")
    assert item(platform, "queue").sentence == "Paused by trader: lunch. Nothing new starts"
    assert item(platform, "queue").state is State.WARN


def test_a_schema_of_another_version_keeps_it_from_being_ready(platform: Platform) -> None:
    change(file_of(platform), "UPDATE alembic_version SET version_num = '9999'")
    assert platform.operations.health.obstacles()[-1] == f"the database has schema 9999, this version needs {head()}"
    assert item(platform, "schema").state is State.BAD


def test_a_clock_that_was_set_back_is_seen(platform: Platform) -> None:
    analysis_id = submit(platform, practice(platform))
    later = (datetime.now(UTC) + timedelta(hours=3)).strftime("%Y-%m-%d %H:%M:%S.000000")
    change(file_of(platform), "UPDATE market_analysis SET created_at = ? WHERE id = ?", later, analysis_id)
    assert item(platform, "clock").state is State.BAD
    watch = ClockWatch()
    assert watch.jump_seconds(NOW, 100.0) == 0
    assert watch.jump_seconds(NOW + timedelta(seconds=70), 110.0) == 60
    assert watch.jump_seconds(NOW + timedelta(hours=2), 7300.0) == 0


def test_a_channel_that_fails_is_bad(platform: Platform) -> None:
    change(
        file_of(platform),
        "INSERT INTO notification_channel (name, enabled, url, hint, zone, created_at, updated_at, last_error_at, "
        "last_error, version) VALUES ('mail', 1, x'00', 'mailto', 'UTC', ?1, ?1, ?1, 'refused', 1)",
        "2026-03-02 09:00:00.000000",
    )
    assert item(platform, "notifications").sentence == "These channels fail: mail"


async def test_a_blocked_loop_is_measured_while_it_is_blocked() -> None:
    lag = LoopLag()
    assert lag.reading == Lag(0, 0, 0, 0)
    sampler = asyncio.create_task(lag.run())
    await asyncio.sleep(0)
    time.sleep(0.6)  # noqa: ASYNC251 - this is what it is to find
    assert lag.reading.max_ms > 300
    sampler.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sampler
    assert lag.reading.samples == 0


def test_a_look_tells_the_pages_only_what_is_new(platform: Platform) -> None:
    told = []
    subscription = platform.store.feed.subscribe(told.append)
    platform.operations.health.look()
    platform.operations.health.look()
    subscription.close()
    assert len(told) == 1
    assert platform.operations.health.bad_count == 2


def test_a_disk_that_is_nearly_full_raises_an_alert_once_and_room_ends_it(platform: Platform) -> None:
    free = [100_000_000]
    parts = Parts(
        platform.store, platform.worker, platform.queue, platform.breakers, platform.operations.background_jobs,
        platform.operations.backups, file_of(platform), ZoneInfo("UTC"), platform.version, platform.prices,
    )  # fmt: skip

    def watched() -> Health:
        return Health(parts, Readiness(parts), platform.operations.dead_man_switch, room=lambda _: free[0])

    watched().look()
    health = watched()  # a console that was restarted
    health.look()
    health.look()
    alerts = platform.notifications.alerts.history(acknowledged=False).items
    assert [alert.kind for alert in alerts] == ["disk", "disk"]
    assert "Only 100.0 MB are left: make room now" in alerts[0].sentence
    free[0] = 50_000_000_000
    watched().look()
    assert all(alert.ended_at for alert in platform.notifications.alerts.history(acknowledged=False).items)


@pytest.mark.parametrize(
    ("free", "state"), [(None, State.WARN), (100e6, State.BAD), (900e6, State.WARN), (50e9, State.OK)]
)
def test_room_on_a_disk(free: int | None, state: State) -> None:
    assert checks.disk("disk", "Disk", free, 1_000_000).state is state


def backup_of(age: timedelta, error: str | None = None) -> Backup:
    """Return a backup as old as this."""
    return Backup(1, NOW - age, NOW - age, None if error else "b.db", 1_000_000, error is None, error, None)


@pytest.mark.parametrize(
    ("good", "newest", "state", "words"),
    [
        (None, None, State.WARN, "There is no backup yet"),
        (backup_of(timedelta(hours=7)), backup_of(timedelta(hours=7)), State.OK, "is 7 h 0 min old (1.0 MB)"),
        (backup_of(timedelta(days=3)), backup_of(timedelta(days=3)), State.BAD, "3 d 0 h old"),
        (backup_of(timedelta(days=1)), backup_of(timedelta(0), "no room"), State.BAD, "The backup failed: no room"),
        (None, backup_of(timedelta(0), "no room"), State.BAD, "The backup failed: no room"),
    ],
)
def test_the_last_backup(good: Backup | None, newest: Backup | None, state: State, words: str) -> None:
    judged = checks.backup(good, newest, NIGHTLY, NOW)
    assert (judged.state, words in judged.sentence) == (state, True)


def test_a_schedule_that_did_not_wake_is_to_be_watched() -> None:
    assert checks.scheduler(True, NOW + timedelta(minutes=5), NOW)[1].value == "in 5 min"
    assert checks.scheduler(True, NOW - timedelta(minutes=5), NOW)[1].state is State.WARN
    assert checks.scheduler(False, None, NOW)[0].state is State.BAD
