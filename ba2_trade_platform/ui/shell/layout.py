"""Page shell: rail, top strip with live counts, banners and status bar around every page (docs/decisions/0004)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nicegui import app, ui

from ba2_trade_platform.core.base.change_feed import EVERY_TOPIC, Topic
from ba2_trade_platform.core.operations.attention import AttentionSource
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.drafts import kept_drafts
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import icon_button, set_class, show_if
from ba2_trade_platform.ui.kit.shell_status import SHOWN_TOPICS, ShellStatus
from ba2_trade_platform.ui.shell.alert_banner import AlertBanner
from ba2_trade_platform.ui.shell.help import help_dialog, show_zone_menu
from ba2_trade_platform.ui.shell.replay_strip import ReplayStrip

QUIET = "flat dense no-caps size=sm"
RAIL = (
    ("marketanalysis", "/marketanalysis", "table_view", "Market Analysis"),
    ("failures", "/marketanalysis?tab=failures", "inbox", "Failures"),
    ("batches", "/batches", "dynamic_feed", "Batches"),
    ("schedules", "/schedules", "event_repeat", "Schedules"),
    ("experts", "/experts", "psychology", "Experts"),
    ("costs", "/costs", "paid", "Costs"),
    ("lessons", "/lessons", "school", "Lessons"),
    ("retries", "/retries", "insights", "Retries"),
    ("watchlists", "/watchlists", "list_alt", "Watchlists and instruments"),
    ("providers", "/providers", "hub", "Providers"),
    ("notifications", "/notifications", "notifications", "Notifications"),
    ("health", "/health", "monitor_heart", "Health"),
)
BADGES = {
    "providers": (AttentionSource.BREAKERS,),
    "failures": (AttentionSource.FAILURES,),
    "health": (AttentionSource.HEALTH,),
    "schedules": (AttentionSource.ALERTS, AttentionSource.RUNS),
}


@asynccontextmanager
async def frame(desk: Desk, title: str, active: str, layout: str = "") -> AsyncIterator[ui.element]:
    """Build the shell around a page; yields the element that holds the page's own, with the classes of `layout`.

    `active` is the rail's entry to mark. The counts and banners are read before the page is sent: one that came
    later would push the rows down, and a press would meet the row above the one that was meant.
    """
    app.storage.client["zone"] = app.storage.user.get("zone")
    ui.page_title(f"{title} - BA2 Trade Platform")
    ui.colors(primary="#1d4ed8", positive="#14713a", negative="#b3261e", warning="#8a5a00", accent="#1d4ed8")
    dark = ui.dark_mode(value=app.storage.user.get("dark", True))
    shell = Shell(desk)
    with ui.element("header").classes("ba2-top"):
        shell.build_top(dark)
    with ui.element("div").classes("ba2-body"):
        shell.build_rail(active)
        with ui.element("main").classes("ba2-main") as main:
            shell.build_banners()
    with ui.element("footer").classes("ba2-status"):
        shell.build_status()
    await shell.refresh()
    with main:
        if layout:
            with ui.element("div").classes(layout) as content:
                yield content
        else:
            yield main
    shell.follow()


class Shell:
    """The parts of the shell that change while a page is open."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shown: ShellStatus | None = None
        self._replay = ReplayStrip(desk)

    def build_rail(self, active: str) -> None:
        """Build the rail; an entry that needs a person carries a number."""
        self._badges: dict[str, ui.label] = {}
        with ui.element("nav").classes("ba2-rail").props('aria-label="Sections"'):
            for name, url, icon, label in RAIL:
                with ui.link(target=url).classes("active" if name == active else "").props(f'aria-label="{label}"'):
                    ui.icon(icon, size="22px")
                    self._badges[name] = ui.label().classes("ba2-badge ba2-gone").mark(f"badge-{name}")
                    ui.tooltip(label).props("anchor='center right' self='center left'")

    def build_top(self, dark: ui.dark_mode) -> None:
        """Build the top strip: name, live counts as links, pause, help, dark and light."""
        ui.icon("candlestick_chart", size="20px").style("color: var(--ba2-accent)")
        brand = ui.link("BA2 Trade Platform", "/marketanalysis").classes("ba2-brand ba2-hide-narrow")
        brand.style("text-decoration: none")
        with ui.element("div").classes("ba2-counts"):
            self._pending = _count("pending", "schedule", "/marketanalysis?status=pending")
            self._running = _count("running", "play_circle", "/marketanalysis?status=running")
            self._failed = _count("failed today", "error", "/marketanalysis?status=failed&today=1")
            self._slots = _count("slots", "memory", "/experts#queue")
        ui.space()
        self._replay.build()
        with ui.row().classes("items-center no-wrap").style("gap: 2px"):
            self._pause = ui.button(icon="pause", color=None, on_click=self._toggle_pause)
            with self._pause.props("flat dense round size=sm"):
                self._pause_hint = ui.tooltip("Pause the queue")
            show_zone_menu(self._desk.platform.settings)
            icon_button("dark_mode", "Dark or light", lambda: self._toggle_dark(dark))
            help_dialog()

    def build_banners(self) -> None:
        """Build the banners: a database that cannot serve, alerts, a paused queue, drafts, the demo market."""
        with ui.element("div").classes("ba2-banner warn ba2-gone").props("role=alert") as self._trouble:
            ui.icon("warning", size="18px")
            self._trouble_text = ui.label()
        self._alerts = AlertBanner(self._desk)
        kept_drafts()
        with ui.element("div").classes("ba2-banner ba2-gone") as self._paused:
            ui.icon("pause_circle", size="18px")
            self._paused_text = ui.label()
            ui.button("Resume", color=None, on_click=self._toggle_pause).props(QUIET).classes("ba2-link")
        with ui.element("div").classes("ba2-banner ba2-gone").props("role=status") as self._breakers:
            ui.icon("hub", size="18px")
            self._breakers_text = ui.label()
            ui.link("Providers", "/providers").classes("ba2-link")
        with ui.element("div").classes("ba2-banner ba2-gone") as self._demo:
            ui.icon("school", size="18px")
            ui.label("Demo desk: prices are the bundled market of 2004-2014.")
            ui.label("Some analyses fail on purpose.").classes("ba2-hide-narrow")
            ui.space()
            self._replay.build_invitation()
            ui.button("Remove demo", color=None, on_click=self._ask_remove_demo).props(QUIET).classes("ba2-link")

    def build_status(self) -> None:
        """Build the status bar."""
        platform = self._desk.platform
        self._state = ui.label("Connecting").classes("ba2-state").props("role=status")
        cut_off = ui.label().classes("ba2-no-connection").props("role=alert")
        cut_off.props["data-zone"] = self._desk.zone.key
        ui.label(f"Prices: {platform.prices.name}")
        self._replay.build_status()
        ui.space()
        for text in (platform.settings.operator_name, f"Times in {self._desk.zone.key}", f"v{platform.version}"):
            ui.label(text).classes("ba2-hide-narrow")

    def follow(self) -> None:
        """Follow the market's clock and every change, once the page stands."""
        self._replay.follow()
        self._desk.live.watch(lambda change: self.refresh(change.topics), *SHOWN_TOPICS)

    async def refresh(self, topics: frozenset[Topic] = EVERY_TOPIC) -> None:
        """Show the present counts and switches; sends nothing when nothing changed."""
        if Topic.MARKET_CLOCK in topics:
            self._replay.show()
        with reporting():
            shell_status = await self._desk.shell_status.get(topics)
            if shell_status != self._shown:
                self._shown = shell_status
                self._show(shell_status)

    def _show(self, shell_status: ShellStatus) -> None:
        counts, queue, worker = shell_status.counts, shell_status.queue, shell_status.worker
        numbers = (counts.pending, counts.running, counts.failed_today)
        for label, value in zip((self._pending, self._running, self._failed), numbers, strict=True):
            label.set_text(f"{counts.bound:,}+" if value > counts.bound else f"{value:,}")
        stopping = f" ({len(worker.stopping)} stopping)" if worker.stopping else ""
        self._slots.set_text(f"{worker.busy}/{queue.slots}{stopping}")
        set_class(self._failed, "tone-bad", counts.failed_today > 0)
        self._pause.props(f"icon={'play_arrow' if queue.paused else 'pause'}")
        self._pause.props(f'aria-label="{"Resume" if queue.paused else "Pause"} the queue"')
        self._pause_hint.set_text("Resume the queue" if queue.paused else "Pause the queue: what runs goes on")
        show_if(self._paused, queue.paused)
        if queue.paused and queue.since:
            why = f": {queue.reason}" if queue.reason else ""
            since = f"{queue.since.astimezone(self._desk.zone):%H:%M}"
            self._paused_text.set_text(f"The queue is paused by {queue.actor} since {since}{why}. Nothing new starts.")
        show_if(self._trouble, bool(worker.storage_problem))
        self._trouble_text.set_text(
            f"The worker waits: {worker.storage_problem}. Results are kept in memory and written later."
        )
        show_if(self._breakers, bool(shell_status.breakers))
        self._breakers_text.set_text("; ".join(breaker.sentence for breaker in shell_status.breakers) + ".")
        self._alerts.show(shell_status.alerts, shell_status.waiting(AttentionSource.RUNS))
        for name, sources in BADGES.items():
            number = shell_status.waiting(*sources)
            self._badges[name].set_text("99+" if number > 99 else str(number))
            show_if(self._badges[name], number > 0)
        show_if(self._demo, shell_status.demo.present)
        works = worker.running and not worker.storage_problem
        self._state.set_text("Not working" if not works else "Paused" if queue.paused else "Working")

    async def _toggle_pause(self) -> None:
        queue = self._desk.platform.queue
        with reporting():
            paused = (await off_loop(queue.state)).paused
            await off_loop(queue.resume if paused else queue.pause, by=self._desk.trader)
            notify("Queue resumed" if paused else "Queue paused: what runs goes on, nothing new starts")
            await self.refresh()

    async def _ask_remove_demo(self) -> None:
        with reporting():
            number = (await off_loop(self._desk.platform.demo.desk.state)).analyses
            await confirm(
                "Remove the demo desk?",
                f"Its {number} analyses are deleted with all their results, running ones are cancelled first, "
                "and its experts are archived. Your own experts and analyses stay.",
                "Remove the demo desk",
                self._remove_demo,
            )

    async def _remove_demo(self) -> None:
        with reporting():
            removed = await off_loop(self._desk.platform.demo.desk.remove, by=self._desk.trader)
            notify(f"Demo removed: {removed} analyses deleted")
            await self.refresh()

    @staticmethod
    def _toggle_dark(dark: ui.dark_mode) -> None:
        dark.toggle()
        app.storage.user["dark"] = dark.value


def _count(word: str, icon: str, url: str) -> ui.label:
    with ui.link(target=url).classes("ba2-count").props(f'data-count="{word}" aria-label="{word}"'):
        ui.icon(icon, size="15px")
        number = ui.label("\N{HORIZONTAL ELLIPSIS}").classes("ba2-number")
        ui.label(word).classes("ba2-hide-narrow")
    return number
