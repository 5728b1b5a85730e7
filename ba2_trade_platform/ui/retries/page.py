"""Retries page: statistics of re-runs and retries over a window, and suggestions drawn from them."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui
from starlette.requests import Request

from ba2_trade_platform.core.monitoring.retry_statistics import Statistics, Suggestion, Waste
from ba2_trade_platform.ui.kit.bar_chart import bar_chart
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Panel, empty_state, quiet
from ba2_trade_platform.ui.retries import tables, view
from ba2_trade_platform.ui.retries.retention_panel import RetentionPanel
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
            with ui.element("div").classes("ba2-bar"):
                self._windows()
                names: dict[int | None, str] = {None: "All experts", **{expert.id: expert.alias for expert in experts}}
                chosen = self._choice.expert if self._choice.expert in names else None
                ui.select(
                    names,
                    value=chosen,
                    on_change=lambda event: ui.navigate.to(self._choice.url(expert=event.value)),
                ).props('dense outlined options-dense aria-label="Expert"').classes("ba2-bare-select")
                ui.space()
                ui.button(icon="refresh", color=None, on_click=self.refresh).props(
                    'flat dense round size=sm aria-label="Add up again"'
                )
            with ui.element("div").classes("ba2-scroll ba2-stack"):
                self._body = ui.element("div").classes("ba2-stack")
                with self._body:
                    quiet("Adding up\N{HORIZONTAL ELLIPSIS}")
                self._retention = RetentionPanel(self._desk)
            ui.timer(0, self.refresh, once=True)

    def _windows(self) -> None:
        with ui.element("nav").classes("ba2-windows").props('aria-label="Window"'):
            for window, words in view.WINDOW_WORDS.items():
                link = ui.link(words, self._choice.url(window=window))
                if window == self._choice.window:
                    link.classes("active").props("aria-current=true")

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
                tables.suggestions(found.suggestions, self._stop)
        with ui.element("div").classes("ba2-grid"):
            self._wasted("Errors", "Error", found.by_fingerprint, lambda waste: view.error_url(waste.key))
            self._wasted("Experts", "Expert", found.by_expert, lambda waste: view.expert_url(waste.key))
            self._wasted("Providers", "Provider", found.by_provider, view.provider_url)
            with Panel("Failed attempts by hour of the day").body:
                if found.failed:
                    bar_chart("Failed attempts by hour", view.hour_bars(found.by_hour), upright=True)
                    quiet(f"Hours in {self._desk.zone.key}. A bar leads to what failed last.").classes("ba2-small")
                else:
                    quiet("No attempt failed.")
            with Panel("Outcomes of re-runs and retries").body:
                tables.outcome_table(found.success)
            with Panel("Slowest attempts").body:
                tables.slow_table(found.slowest)

    async def _stop(self, suggestion: Suggestion) -> None:
        """Have an error held to be permanent, so that it is not retried any more."""
        with reporting():
            set_kind = self._desk.platform.monitoring.outlook.set_kind
            reason = suggestion.sentence
            await off_loop(set_kind, suggestion.fingerprint, FailureKind.PERMANENT, by=self._desk.trader, reason=reason)
            notify(f"{suggestion.code} is held to be permanent and not retried; the Failures tab takes it back")
            await self.refresh()

    @staticmethod
    def _wasted(title: str, head: str, wasted: Sequence[Waste], url: view.Link) -> None:
        with Panel(f"{title}: time wasted by failed attempts").body:
            bars = view.wasted_bars(wasted, url)
            if bars:
                bar_chart(f"{title} by wasted time", bars)
                tables.waste_table(title, head, wasted, url)
            elif wasted:
                quiet("None of these failed.")
                tables.waste_table(title, head, wasted, url)
            else:
                quiet("No expert named a provider." if head == "Provider" else "None.")
