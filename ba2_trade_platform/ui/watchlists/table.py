"""Watchlist table: the lines of one list with links and ticks; the ticks live on the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ba2_trade_platform.ui.kit.server_table import TickColumn, server_table
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
        self._lines: list[dict[str, Any]] = []
        self.table = server_table(COLUMNS, _CELLS, "symbol", "Symbols of the watchlist").classes("ba2-watch")
        self._ticks = TickColumn(self.table, "symbol", "Tick", on_pick, on_pick_page)

    @property
    def symbols(self) -> list[str]:
        """The visible symbols, in their order."""
        return [str(line["symbol"]) for line in self._lines]

    def show(self, lines: list[dict[str, Any]]) -> None:
        """Show these lines; sends nothing when nothing changed."""
        ticked = [line["picked"] for line in lines]
        self._ticks.show_page(True if ticked and all(ticked) else None if any(ticked) else False)
        if lines == self._lines:
            return
        self._lines = lines
        self.table.rows = [dict(line) for line in lines]
        self.table.update()
