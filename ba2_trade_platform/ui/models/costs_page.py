"""Costs page: model costs by day, expert, model and outcome, the day's budget and the prices."""

from __future__ import annotations

from decimal import Decimal

from nicegui import ui
from starlette.requests import Request

from ba2_trade_platform.core.models.costs import Overview
from ba2_trade_platform.core.models.pricing import PriceTable
from ba2_trade_platform.ui.kit.bar_chart import bar_chart
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.drafts import Draft
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Panel, empty_state, quiet, small_button
from ba2_trade_platform.ui.kit.times import exact
from ba2_trade_platform.ui.models import cost_parts as parts
from ba2_trade_platform.ui.models import cost_view as view
from ba2_trade_platform.ui.models.cost_view import Choice
from ba2_trade_platform.ui.models.price_dialog import ask_prices
from ba2_trade_platform.ui.shell.layout import frame

ROOM = 124  # beside a bar, for "at least" and an amount


async def costs_page(desk: Desk, request: Request) -> None:
    """Build the page for the period that its address asks for; the numbers come once it is shown."""
    async with frame(desk, "Costs", "costs"):
        CostsPage(desk, Choice.of(request.query_params)).build()


class CostsPage:
    """One look at the costs; pressing refresh looks again."""

    def __init__(self, desk: Desk, choice: Choice) -> None:
        self._desk, self._choice = desk, choice

    def build(self) -> None:
        """Build the bar and an empty body, and have the numbers added up in the background."""
        with ui.element("div").classes("ba2-bar"):
            self._links("Period", view.PERIOD_WORDS, "period", self._choice.period)
            self._links("Days stacked", view.STACKS, "stack", self._choice.stack)
            ui.space()
            again = ui.button(icon="refresh", color=None, on_click=self.refresh)
            again.props('flat dense round size=sm aria-label="Add up again"')
        with ui.element("div").classes("ba2-scroll ba2-stack"):
            self._body = ui.element("div").classes("ba2-stack")
            with self._body:
                quiet("Adding up\N{HORIZONTAL ELLIPSIS}")
        ui.timer(0, self.refresh, once=True)

    def _links(self, label: str, words: dict[str, str], part: str, chosen: str) -> None:
        with ui.element("nav").classes("ba2-windows") as nav:
            nav.props["aria-label"] = label
            for value, said in words.items():
                link = ui.link(said, self._choice.url(**{part: value}))
                if value == chosen:
                    link.classes("active").props("aria-current=true")

    async def refresh(self) -> None:
        """Add up and show everything anew."""
        with reporting():
            platform = self._desk.platform
            found = await off_loop(platform.models.costs.read, self._choice.period)
            prices = await off_loop(platform.models.pricing.table)
            if self._body.is_deleted:
                return
            self._body.clear()
            with self._body:
                self._show(found, prices)

    def _show(self, found: Overview, prices: PriceTable) -> None:
        if found.total.calls:
            self._show_spent(found)
        else:
            empty_state(
                "paid",
                f"No model was called in the last {view.PERIOD_WORDS[found.period]}",
                "Experts that ask language models write down every call with tokens and cost; here they are added up.",
                links=(("Configure an expert", "/experts"), ("Last 90 days", self._choice.url(period="90d"))),
            )
            self._budget(found)
        with Panel("Prices of models", anchor="prices").body:
            with ui.element("div").classes("ba2-inline"):
                small_button("Import", "upload", self._import_prices).mark("prices-import")
                small_button("Undo the last import", "undo", self._undo_prices).mark("prices-undo")
            parts.price_table(prices, self._desk.platform.models.pricing.own, found.until.date())

    def _show_spent(self, found: Overview) -> None:
        by_cost = view.by_money(found)
        with ui.element("div").classes("ba2-tiles ba2-tiles-wide"):
            for tile in view.tiles(found, self._choice):
                with ui.link(target=tile.url).classes("ba2-tile"):
                    ui.label(tile.label).classes("ba2-muted")
                    ui.label(tile.value).classes("ba2-tile-value")
                    ui.label(tile.hint).classes("ba2-small ba2-muted")
        if found.total.at_least:
            quiet("At least: the price of a model or the tokens of a call are not known.").mark("unsure")
        what, unit = ("Cost", "USD") if by_cost else ("Tokens", "tokens")
        with Panel(f"{what} by UTC day, {view.STACKS[self._choice.stack].lower()}").body:
            parts.day_chart(f"{what} by day", view.dates(found), view.stacks(found, self._choice.stack), unit)
        with ui.element("div").classes("ba2-grid"):
            for title, head, groups in (
                ("Experts", "Expert", found.experts),
                ("Models", "Model", found.models),
                ("Outcomes of attempts", "Outcome", found.outcomes),
            ):
                with Panel(title).body:
                    url = view.GROUP_URLS[head]
                    drawn = view.bars(groups[:10], url, by_cost=by_cost)
                    bar_chart(f"{what}: {title.lower()}", drawn, form="{value}", room=ROOM)
                    parts.group_table(head, groups[:10], url)
            self._budget(found)
        with Panel("Dearest analyses").body:
            parts.dearest_table(found.dearest)

    def _budget(self, found: Overview) -> None:
        budget = found.budget
        panel = Panel("Budget of the day", anchor="budget")
        with panel.body:
            panel.element.props["id"] = "budget"
            ui.label(f"{budget.sentence}.").mark("budget-sentence")
            quiet(
                "Checked before every model call of every expert, over the UTC day. A call that could exceed it is not "
                "made: its analysis fails with BUDGET, keeps what is done, and is resumed once the budget is raised. "
                "What calls under way or without an answer may have cost counts as spent."
            ).classes("ba2-small")
            with ui.element("div").classes("ba2-inline") as form:
                self._limit = ui.number("USD a day", value=None if budget.limit is None else float(budget.limit), min=0)
                self._limit.props('outlined dense step=any placeholder="no limit"').mark("budget-limit")
                self._limit.style("width: 150px").on("keydown.enter", self._save)
                save = ui.button("Save", icon="save", color=None, on_click=self._save)
                save.props("outline dense no-caps").mark("budget-save")
                self._draft = Draft(form, "Budget of the day")
            if budget.changed_by:
                changed = f"Changed by {budget.changed_by}, {exact(budget.changed_at, self._desk.zone)}"
                quiet(changed).classes("ba2-small")

    def _import_prices(self) -> None:
        imports, trader = self._desk.platform.models.price_imports, self._desk.trader
        ask_prices(lambda text, preview: imports.load(text, by=trader, preview=preview), self.refresh)

    async def _undo_prices(self) -> None:
        with reporting():
            notify(await off_loop(self._desk.platform.models.price_imports.undo, by=self._desk.trader))
            await self.refresh()

    async def _save(self) -> None:
        with reporting():
            said = self._limit.value
            limit = None if said is None else Decimal(str(said))
            budget = await off_loop(self._desk.platform.models.costs.set_budget, limit, by=self._desk.trader)
            self._draft.forget()
            notify(budget.sentence)
            await self.refresh()
