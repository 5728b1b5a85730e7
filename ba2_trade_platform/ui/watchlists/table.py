"""Watchlist table: the lines of one list with links and ticks; the ticks live on the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from ba2_trade_platform.ui.watchlists.view import COLUMNS

# Templates only show; what can be clicked stands in an element slot, or clicks are lost while the table updates.
_CELLS = {
    "symbol": """<q-td :props="props"><a class="ba2-link" :href="props.row.url">{{ props.row.symbol }}</a></q-td>""",
    "name": """<q-td :props="props" :title="props.row.name">{{ props.row.name }}</q-td>""",
    "status": """<q-td :props="props"><span :class="'ba2-chip tone-' + props.row.tone"><q-icon :name="props.row.icon"
        aria-hidden="true" />{{ props.row.status }}</span></q-td>""",
    "last": """<q-td :props="props"><a v-if="props.row.analysis" class="ba2-link" :title="props.row.last_hint"
        :href="'/market_analysis/' + props.row.analysis">{{ props.row.last }}</a><span v-else class="ba2-muted"
        >{{ props.row.last }}</span></q-td>""",
    "recommendation": """<q-td :props="props"><a v-if="props.row.action" :class="'ba2-plain-link ba2-chip tone-' +
        props.row.action_tone" :href="'/market_analysis/' + props.row.analysis"><q-icon :name="props.row.action_icon"
        aria-hidden="true" />{{ props.row.action }} {{ props.row.confidence }}</a></q-td>""",
    "then": """<q-td :props="props" :title="props.row.then_hint">{{ props.row.then }}</q-td>""",
    "now": """<q-td :props="props" :title="props.row.now_hint"><span :class="props.row.now_tone">{{ props.row.now
        }}</span></q-td>""",
    "since": """<q-td :props="props"><span :class="props.row.since_tone">{{ props.row.since }}</span></q-td>""",
    "next": """<q-td :props="props" :title="props.row.next_hint"><a v-if="props.row.next_url" class="ba2-link"
        :href="props.row.next_url">{{ props.row.next }}</a><span v-else class="ba2-muted">{{ props.row.next
        }}</span></q-td>""",
}


class WatchTable:
    """Shows lines; tells its owner what was ticked."""

    def __init__(
        self, on_pick: Callable[[str, bool], Awaitable[None]], on_pick_page: Callable[[], Awaitable[None]]
    ) -> None:
        self._on_pick = on_pick
        self._lines: list[dict[str, Any]] = []
        columns = [
            {"field": column["name"], "headerStyle": f"width: {column['width']}px", **column} for column in COLUMNS
        ]
        self.table = ui.table(columns=columns, rows=[], row_key="symbol", pagination={"rowsPerPage": 0})
        self.table.classes("ba2-table ba2-watch").props(
            "flat dense square hide-pagination hide-bottom virtual-scroll-sticky-size-start=28 "
            ':table-row-class-fn="(row) => row.cls" aria-label="Symbols of the watchlist"'
        )
        for name, template in _CELLS.items():
            self.table.add_slot(f"body-cell-{name}", template)
        with self.table.add_slot("header-cell-pick"), self.table.header("pick"):
            self._page_tick = ui.button(icon="check_box_outline_blank", color=None, on_click=on_pick_page)
            self._page_tick.props('flat dense round size=sm role=checkbox aria-label="Tick this page"').mark(
                "pick-page"
            )
        with self.table.add_slot("body-cell-pick"), self.table.cell("pick"), ui.element("div").classes("ba2-actions"):
            tick = ui.button(icon="check_box_outline_blank", color=None).mark("pick")
            tick.props(
                "flat dense round size=sm role=checkbox :icon=\"props.row.picked ? 'check_box' : "
                "'check_box_outline_blank'\" :class=\"props.row.picked ? 'ba2-ticked' : 'ba2-muted'\" "
                ":aria-checked=\"props.row.picked ? 'true' : 'false'\" "
                ':data-pick="props.row.symbol" :aria-label="\'Tick \' + props.row.symbol"'
            )
            # A mouse leaves the focus where it was, so that the space bar ticks the row that the keys are on.
            tick.on(
                "click.stop",
                self._picked,
                js_handler="e => { if (e.detail) e.currentTarget.blur(); emit([props.row.symbol, e.shiftKey]); }",
            )

    @property
    def symbols(self) -> list[str]:
        """The visible symbols, in their order."""
        return [str(line["symbol"]) for line in self._lines]

    def show(self, lines: list[dict[str, Any]]) -> None:
        """Show these lines; sends nothing when nothing changed."""
        ticked = [line["picked"] for line in lines]
        state = "true" if ticked and all(ticked) else "mixed" if any(ticked) else "false"
        icon = {"true": "check_box", "mixed": "indeterminate_check_box", "false": "check_box_outline_blank"}[state]
        self._page_tick.props(f"icon={icon} aria-checked={state}")
        if lines == self._lines:
            return
        self._lines = lines
        self.table.rows = [dict(line) for line in lines]
        self.table.update()

    async def _picked(self, event: GenericEventArguments) -> None:
        symbol, span = event.args
        await self._on_pick(str(symbol), bool(span))
