"""Health checks: turn readings into items with a state and a remedy; pure, hence tested one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.analyses.queue_service import QueueState
from ba2_trade_platform.core.contracts.price_status import PriceStatus
from ba2_trade_platform.core.failures.breakers import Breaker
from ba2_trade_platform.core.observability.loop_lag import Lag
from ba2_trade_platform.core.observability.standstill import Sleep
from ba2_trade_platform.core.operations.backups import Backup, Plan
from ba2_trade_platform.core.operations.dead_man_switch import DeadManSwitchState
from ba2_trade_platform.core.operations.health_facts import DatabaseFacts, Waiting
from ba2_trade_platform.core.operations.health_report import Group, Item, State
from ba2_trade_platform.core.schedules.calendar_watch import CalendarNotes
from ba2_trade_platform.core.worker.worker import WorkerStatus

MB, GB = 1e6, 1e9
LATE_LOOP_MS, STUCK_LOOP_MS = 500.0, 3_000.0
ENOUGH_SAMPLES = 120  # half a minute: a start is always late somewhere
LONG_WAIT = timedelta(hours=1)
SHOULD_HAVE_BEGUN = timedelta(minutes=1)
OVERDUE_WAKE = timedelta(minutes=2)
OLD_BACKUP = timedelta(hours=49)  # a missed day, and a clock that changes
FUTURE = timedelta(minutes=5)
JUMP_SECONDS = 5.0


def worker(status: WorkerStatus, queue: QueueState | None) -> list[Item]:
    """Judge the worker, its slots, and whether the queue is paused."""
    busy, slots = status.busy, queue.slots if queue else status.slots
    items = [_engine("worker", Group.WORK, "/experts#queue", runs=status.running)]
    stopping = f", {len(status.stopping)} of them by experts that do not stop" if status.stopping else ""
    taken = f"{busy} of {slots} slots are taken{stopping}"
    state = State.WARN if status.stopping else State.OK
    items.append(Item("slots", Group.WORK, "Slots", state, f"{busy}/{slots}", taken, "/experts#queue", float(busy)))
    if queue is not None and queue.paused:
        why = f"Paused by {queue.actor or 'somebody'}{f': {queue.reason}' if queue.reason else ''}. Nothing new starts"
        items.append(Item("queue", Group.WORK, "Queue", State.WARN, "paused", why, "/experts#queue"))
    return items


def waiting(
    facts: DatabaseFacts, status: WorkerStatus, queue: QueueState, open_providers: frozenset[str], now: datetime
) -> list[Item]:
    """Judge how long due analyses wait to be claimed, and the oldest of all that wait."""
    items = []
    if facts.due is None:
        items.append(Item("claim_lag", Group.WORK, "Claim lag", State.OK, "0 s", "Nothing due waits", None, 0.0))
    else:
        lag = max(timedelta(0), now - facts.due.available_at)
        why = reason_to_wait(facts.due, status, queue, open_providers, now)
        late = lag > LONG_WAIT or (why is None and lag > SHOULD_HAVE_BEGUN)
        sentence = f"{_who(facts.due)} has been due for {age(lag)}: {why or 'nothing keeps it, it begins next'}"
        state, link = State.WARN if late else State.OK, f"/market_analysis/{facts.due.id}"
        items.append(Item("claim_lag", Group.WORK, "Claim lag", state, age(lag), sentence, link, lag.total_seconds()))
    if facts.oldest is not None:
        since = max(timedelta(0), now - facts.oldest.created_at)
        why = reason_to_wait(facts.oldest, status, queue, open_providers, now) or "it begins next"
        sentence = f"{_who(facts.oldest)} was submitted {age(since)} ago: {why}"
        state, link = State.WARN if since > LONG_WAIT else State.OK, f"/market_analysis/{facts.oldest.id}"
        item = Item("oldest", Group.WORK, "Oldest pending", state, age(since), sentence, link, since.total_seconds())
        items.append(item)
    return items


def reason_to_wait(
    one: Waiting, status: WorkerStatus, queue: QueueState, open_providers: frozenset[str], now: datetime
) -> str | None:
    """Return what keeps an analysis from beginning, None when nothing does."""
    reasons = (
        (not status.running, "the worker does not run"),
        (queue.paused, "the queue is paused"),
        (one.batch_paused, "its batch is paused"),
        (one.available_at > now, f"it waits for its time, in {age(one.available_at - now)}"),
        (one.retry_provider in open_providers, f"it waits for {one.retry_provider}, which is held back"),
        (
            one.limit is not None and one.expert_running >= one.limit,
            f"{one.expert} runs as many as it may ({one.limit})",
        ),
        (status.busy >= queue.slots, "all slots are taken"),
    )
    return next((reason for holds, reason in reasons if holds), None)


def loop(key: str, label: str, lag: Lag) -> Item:
    """Judge how late an event loop was over the last minute."""
    if not lag.samples:
        return Item(key, Group.WORK, label, State.OK, "not measured", "Its loop does not run in this process")
    sentence = f"p50 {lag.p50_ms:.1f}, p99 {lag.p99_ms:.1f}, at most {lag.max_ms:.0f} ms late in the last minute"
    state = State.OK
    if lag.max_ms > STUCK_LOOP_MS or (lag.samples > ENOUGH_SAMPLES and lag.p99_ms > LATE_LOOP_MS):
        state, sentence = State.WARN, f"{sentence}: something blocks it"
    return Item(key, Group.WORK, label, state, f"{lag.p99_ms:.1f} ms", sentence, None, lag.p99_ms / 1000)


def scheduler(alive: bool, next_wake: datetime | None, now: datetime) -> list[Item]:
    """Judge the scheduler's thread, and whether it woke when a schedule wanted it to."""
    state, value, sentence = State.OK, "none", "No schedule is planned"
    number: float | None = None
    if next_wake is not None:
        late = now - next_wake
        number = -late.total_seconds()
        value, sentence = f"in {age(-late)}", f"The next schedule begins in {age(-late)}"
        if late > timedelta(0):
            state = State.WARN if late > OVERDUE_WAKE else State.OK
            value, sentence = f"{age(late)} late", f"A schedule should have begun {age(late)} ago"
    return [
        _engine("scheduler", Group.CLOCKS, "/schedules", runs=alive),
        Item("wake", Group.CLOCKS, "Next run", state, value, sentence, "/schedules", number),
    ]


def dead_man_switch(state: DeadManSwitchState) -> Item:
    """Judge the dead man's switch; none is no fault."""
    failing = state.last is not None and state.last.error is not None
    value = "not set" if state.host is None else "fails" if failing else "pings"
    verdict = State.OK if not failing else State.BAD if state.failures >= 3 else State.WARN
    return Item("heartbeat", Group.CLOCKS, "Heartbeat", verdict, value, state.sentence, "/health#heartbeat")


def clock(jump: float, newest: datetime | None, now: datetime, zone: str) -> list[Item]:
    """Judge the machine's clock by itself and by what stands in the database."""
    state, value, sentence = State.OK, "steady", "The machine's clock was not set within the last hour"
    if abs(jump) > JUMP_SECONDS:
        state, value = State.WARN, f"{jump:+.0f} s"
        sentence = f"The machine's clock was set {'ahead' if jump > 0 else 'back'} by {abs(jump):.0f} s"
    if newest is not None and newest - now > FUTURE:
        state, value = State.BAD, "behind"
        sentence = f"The newest analysis is dated {age(newest - now)} ahead of now: the machine's clock was set back"
    return [
        Item("clock", Group.CLOCKS, "Clock", state, value, sentence, None, jump),
        Item("zone", Group.CLOCKS, "Time zone", State.OK, zone, f"Days and schedules are in {zone} (BA2_TIMEZONE)"),
    ]


def sleep(last: Sleep | None, zone: ZoneInfo) -> Item:
    """Say when the machine slept last; that is no fault."""
    value, sentence = "none", "The machine has not slept since this console was started"
    if last is not None:
        start, end = (f"{instant.astimezone(zone):%Y-%m-%d %H:%M:%S}" for instant in (last.start, last.end))
        value = age(last.end - last.start)
        sentence = (
            f"The machine slept, or this process was stopped, from {start} to {end}. What came due is settled by each "
            "schedule's own policy"
        )
    return Item("sleep", Group.CLOCKS, "Last sleep", State.OK, value, sentence, "/schedules?tab=runs")


def calendars(notes: CalendarNotes) -> Item:
    """Judge the calendars that schedules keep to, and the desk's corrections of them."""
    state, value = State.OK, "reach far enough"
    sentence = "No schedule keeps to a calendar that ends within 60 days"
    if notes.ends or notes.problems:
        state = State.BAD if notes.has_ended else State.WARN
        value = "ended" if notes.has_ended else f"{len(notes.ends)} end" if notes.ends else "not all readable"
        sentence = "; ".join((*notes.ends, *notes.problems))
    return Item("calendars", Group.CLOCKS, "Calendars", state, value, sentence, "/watchlists?tab=instruments")


def database(facts: DatabaseFacts, wal: int, newest_revision: str) -> list[Item]:
    """Judge the database's schema and size, and what SQLite keeps beside and inside of it."""
    right = facts.revision == newest_revision
    schema = "is this version's" if right else f"is not this version's ({newest_revision}): restart the console"
    state = State.OK if right else State.BAD
    items = [Item("schema", Group.STORAGE, "Schema", state, facts.revision, f"Schema {facts.revision} {schema}")]
    size = megabytes(facts.bytes)
    items.append(Item("database", Group.STORAGE, "Database", State.OK, size, f"It has {size}", None, facts.bytes))
    state, sentence = State.OK, f"The write-ahead log has {megabytes(wal)}"
    if wal > 256 * MB:
        state, sentence = State.WARN, f"{sentence}: something reads for a very long time, or another program does"
    items.append(Item("wal", Group.STORAGE, "Write-ahead log", state, megabytes(wal), sentence, None, wal))
    free, state = megabytes(facts.free_bytes), State.OK
    sentence = f"{free} inside of it are free and used again"
    if facts.free_bytes > max(500 * MB, facts.bytes / 2):
        state, sentence = State.WARN, f"{free} of {size} are free: VACUUM, with the console stopped, gives them back"
    items.append(Item("free_pages", Group.STORAGE, "Free inside", state, free, sentence, None, facts.free_bytes))
    return items


def disk(key: str, label: str, free: int | None, database_bytes: int) -> Item:
    """Judge the room that is left on a disk."""
    if free is None:
        sentence = "Nobody can say how much room is left: the folder cannot be read"
        return Item(key, Group.STORAGE, label, State.WARN, "unknown", sentence)
    value, state = megabytes(free), State.OK
    sentence = f"{value} are left"
    if free < 200 * MB:
        state, sentence = State.BAD, f"Only {value} are left: make room now, or nothing can be written"
    elif free < max(1 * GB, 2 * database_bytes):
        state, sentence = State.WARN, f"{value} are left: make room, a backup alone takes {megabytes(database_bytes)}"
    return Item(key, Group.STORAGE, label, state, value, sentence, None, free)


def storage(*problems: str | None) -> Item:
    """Judge whether the database can be written."""
    reasons = list(dict.fromkeys(filter(None, problems)))
    state, value, sentence = State.OK, "works", "The database can be written"
    if reasons:
        state, value, sentence = State.BAD, "trouble", f"It cannot be written: {'; '.join(reasons)}"
    return Item("storage", Group.STORAGE, "Writing", state, value, sentence)


def backup(good: Backup | None, newest: Backup | None, plan: Plan, now: datetime) -> Item:
    """Judge the newest backup: whether there is one, how old it is, whether the last try failed."""
    link = "/health#backups"
    if good is None:
        tried = f"{newest.sentence}. " if newest is not None and newest.error else ""
        state = State.BAD if tried else State.WARN
        sentence = f"{tried}There is no backup yet. {plan.sentence}"
        return Item("backup", Group.STORAGE, "Last backup", state, "none", sentence, link)
    old = now - good.started_at
    sentence = f"The newest verified backup is {age(old)} old ({megabytes(good.bytes or 0)})"
    state = State.OK
    if newest is not None and newest.error:
        state, sentence = State.BAD, f"{newest.sentence}. {sentence}"
    elif old > OLD_BACKUP:
        state, sentence = State.BAD if plan.at else State.WARN, f"{sentence}. {plan.sentence}"
    return Item("backup", Group.STORAGE, "Last backup", state, f"{age(old)} ago", sentence, link, old.total_seconds())


def providers(active: Sequence[Breaker]) -> Item:
    """Judge whether a provider is held back."""
    state, value, sentence = State.OK, "all", "None is held back"
    if active:
        state, value = State.WARN, f"{len(active)} held back"
        sentence = "; ".join(breaker.sentence for breaker in active)
    return Item("providers", Group.OUTSIDE, "Providers", state, value, sentence, "/providers", float(len(active)))


def prices(status: PriceStatus, now: datetime) -> Item:
    """Judge whether the price provider answers; prices of this machine are asked of nobody."""
    state, value = State.OK, status.provider
    sentence = "They lie on this machine"
    if status.remote:
        when = f"{age(now - status.last_success_at)} ago" if status.last_success_at else "not asked yet"
        sentence = f"Answered last: {when}; {status.symbols:,} symbols are kept"
        sentence += f", the newest {age(now - status.newest_at)} old" if status.newest_at else ""
    if status.failing:
        state, value = State.WARN, f"{status.provider} fails"
        sentence = f"{status.last_error} ({status.last_error_code}). What is kept is used where it is new enough"
    return Item("prices", Group.OUTSIDE, "Prices", state, value, sentence, "/watchlists", float(status.failing))


def notifications(failing: Sequence[str], failed: int) -> Item:
    """Judge whether notifications go out."""
    state, value, sentence = State.OK, "go out", "No channel fails"
    if failing:
        state, value = State.BAD, f"{len(failing)} fail"
        sentence = f"These channels fail: {', '.join(failing)}"
    elif failed:
        state, value, sentence = State.WARN, f"{failed:,} lost", f"{failed:,} messages of the last day never went out"
    link = "/notifications"
    return Item("notifications", Group.OUTSIDE, "Notifications", state, value, sentence, link, float(failed))


def process(memory: int | None, up: timedelta, pages: int) -> list[Item]:
    """Say how this process stands: memory, age and who looks at it."""
    value = "unknown" if memory is None else megabytes(memory)
    state = State.WARN if memory is not None and memory > 4 * GB else State.OK
    opened = f"{pages} open in browsers"
    return [
        Item("memory", Group.MACHINE, "Memory", state, value, f"This process holds {value}", None, memory),
        Item("uptime", Group.MACHINE, "Up", State.OK, age(up), f"Started {age(up)} ago", None, up.total_seconds()),
        Item("pages", Group.MACHINE, "Open pages", State.OK, str(pages), opened, None, pages),
    ]


def megabytes(size: float) -> str:
    """Return a size in MB, or in GB when it is large."""
    return f"{size / GB:,.1f} GB" if size >= 10 * GB else f"{size / MB:,.1f} MB"


def age(span: timedelta) -> str:
    """Return a span in its largest unit, and the next one where that says more."""
    seconds = round(span.total_seconds())
    if seconds < 120:
        return f"{max(0, seconds)} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if minutes < 120:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{days} d {hours % 24} h"


def _engine(key: str, group: Group, link: str, *, runs: bool) -> Item:
    state, value, sentence = State.OK, "runs", f"The {key} runs"
    if not runs:
        state, value, sentence = State.BAD, "stopped", f"The {key} does not run: restart the console"
    return Item(key, group, key.capitalize(), state, value, sentence, link, float(runs))


def _who(one: Waiting) -> str:
    return f"Analysis {one.id} ({one.symbol}, {one.expert})"
