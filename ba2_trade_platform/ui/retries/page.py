"""Retries page: statistics of re-runs and retries over a window, and suggestions drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nicegui import ui
from nicegui.events import ValueChangeEventArguments
from starlette.requests import Request

from ba2_trade_platform.core.attempts.retention import Packing
from ba2_trade_platform.core.monitoring.attempt_stats import Slow
from ba2_trade_platform.core.monitoring.retry_statistics import Statistics, Success, Suggestion, Waste
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.bar_chart import bar_chart
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Fact, Panel, chip, empty_state, facts, quiet
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH, exact
from ba2_trade_platform.ui.kit.urls import analyses_url
from ba2_trade_platform.ui.retries import view
from ba2_trade_platform.ui.retries.view import Choice
from ba2_trade_platform.ui.shell.layout import frame
from ba2_trade_platform.vocabulary import FailureKind


async def retries_page(desk: Desk, request: Request) -> None:
    """Build the page for the window and the expert that its address asks for; the numbers come once it is shown."""
    page = RetriesPage(desk, Choice.of(request.query_params))
    async with frame(desk, "Retries", "retries"):
        await page.build()


class RetriesPage:
    """One look at the statistics; pressing refresh looks again."""

    def __init__(self, desk: Desk, choice: Choice) -> None:
        self._desk, self._choice = desk, choice

    async def build(self) -> None:
        """Build the bar and an empty body, and have the numbers added up in the background."""
        with reporting():
            experts = await off_loop(self._desk.platform.experts.list)
            names: dict[int | None, str] = {None: "All experts", **{expert.id: expert.alias for expert in experts}}
            chosen = self._choice.expert if self._choice.expert in names else None
            with ui.element("div").classes("ba2-bar"):
                with ui.element("nav").classes("ba2-windows").props('aria-label="Window"'):
                    for window, label in view.WINDOW_WORDS.items():
                        link = ui.link(label, self._choice.url(window=window))
                        if window == self._choice.window:
                            link.classes("active").props("aria-current=true")
                choice = ui.select(names, value=chosen, on_change=self._choose).classes("ba2-bare-select")
                choice.props('dense outlined options-dense aria-label="Expert"')
                ui.space()
                again = ui.button(icon="refresh", color=None, on_click=self.refresh)
                again.props('flat dense round size=sm aria-label="Add up again"')
            with ui.element("div").classes("ba2-scroll ba2-stack"):
                self._body = ui.element("div").classes("ba2-stack")
                with self._body:
                    quiet("Adding up\N{HORIZONTAL ELLIPSIS}")
                self._retention = RetentionPanel(self._desk)
            ui.timer(0, self.refresh, once=True)

    def _choose(self, event: ValueChangeEventArguments[int | None]) -> None:
        ui.navigate.to(self._choice.url(expert=event.value))

    async def refresh(self) -> None:
        """Add up and show everything anew."""
        with reporting():
            statistics = self._desk.platform.monitoring.retries
            found = await off_loop(statistics.read, self._choice.window, self._choice.expert, self._desk.zone)
            if self._body.is_deleted:
                return
            self._body.clear()
            with self._body:
                self._show(found)
            await self._retention.refresh()

    def _show(self, found: Statistics) -> None:
        if not found.attempts:
            empty_state(
                "insights",
                f"Nothing ended in the last {view.WINDOW_WORDS[found.window]}",
                "Once analyses have run, this page shows what re-runs and retries brought and what failures wasted.",
                links=(
                    ("Last 30 days", self._choice.url(window="30d")),
                    ("Manual Analysis", "/marketanalysis?tab=manual"),
                ),
            )
            return
        if found.truncated:
            quiet("There is more: only the newest 100,000 attempts of this window are counted.").mark("truncated")
        with ui.element("div").classes("ba2-tiles"):
            for tile in view.tiles(found):
                with ui.link(target=tile.url).classes("ba2-tile"):
                    ui.label(tile.label).classes("ba2-muted")
                    ui.label(tile.value).classes("ba2-tile-value")
                    ui.label(tile.hint).classes("ba2-small ba2-muted")
        if found.suggestions:
            with Panel("Not worth retrying", anchor="suggestions").body:
                self._suggest(found.suggestions)
        with ui.element("div").classes("ba2-grid"):
            by_error, by_expert, by_provider = found.by_fingerprint, found.by_expert, found.by_provider
            _wasted("Errors", "Error", by_error, lambda waste: view.failed_url(fingerprint=waste.key))
            _wasted("Experts", "Expert", by_expert, lambda waste: view.failed_url(expert=waste.key))
            _wasted("Providers", "Provider", by_provider, lambda waste: view.failed_url(code=waste.code))
            with Panel("Failed attempts by hour of the day").body:
                if found.failed:
                    bar_chart("Failed attempts by hour", view.hour_bars(found.by_hour), upright=True)
                    quiet(f"Hours in {self._desk.zone.key}. A bar leads to what failed last.").classes("ba2-small")
                else:
                    quiet("No attempt failed.")
            with Panel("Outcomes of re-runs and retries").body:
                _outcome_table(found.success)
            with Panel("Slowest attempts").body:
                _slow_table(found.slowest)

    def _suggest(self, suggestions: Sequence[Suggestion]) -> None:
        """Show which errors automatic retries do not get past, each with the button that stops retrying it."""
        for suggestion in suggestions:
            with ui.element("div").classes("ba2-suggestion"):
                ui.icon("do_not_disturb_on").classes("ba2-line-icon tone-warn").props("aria-hidden=true")
                with ui.element("div").classes("ba2-line-name"):
                    ui.label(suggestion.sentence)
                    ui.label(suggestion.message).classes("ba2-small ba2-muted")
                ui.link("Its failed analyses", view.failed_url(fingerprint=suggestion.fingerprint)).classes("ba2-link")
                stop = ui.button("Call it permanent", color=None, on_click=partial(self._stop, suggestion))
                stop.props("outline dense no-caps").mark(f"stop-{suggestion.fingerprint}")

    async def _stop(self, suggestion: Suggestion) -> None:
        """Have an error held to be permanent, so that it is not retried any more."""
        with reporting():
            set_kind = self._desk.platform.monitoring.outlook.set_kind
            reason = suggestion.sentence
            await off_loop(set_kind, suggestion.fingerprint, FailureKind.PERMANENT, by=self._desk.trader, reason=reason)
            notify(f"{suggestion.code} is held to be permanent and not retried; the Failures tab takes it back")
            await self.refresh()


class RetentionPanel:
    """Shows what `Retention` would do, and has it done."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._panel = Panel("Old archives", anchor="archives")

    async def refresh(self) -> None:
        """Look again."""
        found = await off_loop(self._desk.platform.retention.preview)
        if not self._panel.element.is_deleted:
            self._panel.show(found, self._build)

    def _build(self, found: Packing) -> None:
        quiet(found.sentence)
        if not found.attempts:
            return
        archives = Fact("Archives", f"{found.attempts:,}{'+' if found.more else ''}")
        size = Fact("Size", f"{found.bytes / 1e6:,.1f} MB")
        facts((archives, size, Fact("Oldest", exact(found.oldest, self._desk.zone))))
        quiet("The newest attempt of an analysis always stays. What is packed away can still be read here.")
        with ui.element("div").classes("ba2-inline"):
            pack = ui.button("Pack away", icon="inventory_2", color=None, on_click=lambda: self._ask(found))
            pack.props("outline no-caps").mark("pack-archives")

    async def _ask(self, found: Packing) -> None:
        with self._panel.element:
            await confirm(
                f"Pack {found.attempts:,} archives away?",
                f"They move out of the database into a zip file in {found.folder}. Keep that folder with your backups: "
                "the console reads them from there.",
                f"Pack {found.attempts:,} away",
                self._pack,
            )

    async def _pack(self) -> None:
        with reporting():
            done = await off_loop(self._desk.platform.retention.pack_away, by=self._desk.trader)
            notify(done.sentence)
            await self.refresh()


def _wasted(title: str, head: str, wasted: Sequence[Waste], url: view.Link) -> None:
    with Panel(f"{title}: time wasted by failed attempts").body:
        bars = view.wasted_bars(wasted, url)
        if bars:
            bar_chart(f"{title} by wasted time", bars)
        elif wasted:
            quiet("None of these failed.")
        else:
            quiet("No expert named a provider." if head == "Provider" else "None.")
            return
        headers = (head, "Attempts", "Failed", "Time wasted", "Cost wasted", "Tried again", "Recovered")
        with plain_table(title, headers, frozenset(headers[1:])), ui.element("tbody"):
            for waste in wasted:
                with ui.element("tr"):
                    text_cell(waste.label, url=url(waste), classes="ba2-wrap")
                    _numbers(f"{waste.attempts:,}", f"{waste.failed:,}", view.seconds(waste.failed_seconds))
                    _numbers(view.cost(waste.failed_cost), f"{waste.tried_again:,}", f"{waste.recovered:,}")


def _outcome_table(found: Sequence[Success]) -> None:
    headers = ("Begun by", "Ended", "Completed", "Failed again", "Otherwise", "Success")
    with plain_table("Outcomes", headers, frozenset(headers[1:])), ui.element("tbody"):
        for success in found:
            with ui.element("tr"):
                text_cell(view.TRIGGERS[success.trigger.value], url=view.RERUN)
                counts = (success.tried, success.completed, success.failed, success.other)
                _numbers(*(f"{count:,}" for count in counts), view.percent(success))


def _slow_table(slowest: Sequence[Slow]) -> None:
    headers = ("Analysis", "Symbol", "Expert", "Attempt", "Outcome", "Worked")
    with plain_table("Slowest", headers, frozenset({"Attempt", "Worked"})), ui.element("tbody"):
        for slow in slowest:
            with ui.element("tr"):
                text_cell(str(slow.analysis_id), url=f"/market_analysis/{slow.analysis_id}")
                text_cell(slow.symbol, url=analyses_url(slow.symbol))
                text_cell(slow.expert, classes="ba2-wrap")
                _numbers(str(slow.attempt))
                with cell():
                    chip(words.OUTCOME[slow.outcome.value])
                _numbers(view.seconds(slow.seconds))
    if not slowest:
        quiet(DASH)


def _numbers(*texts: str) -> None:
    for text in texts:
        text_cell(text, classes="ba2-right")
