"""Job table: server-side pages with live patches of visible rows, the re-run button, and the pager below."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.monitoring.job_list import AnalysisRow, bounded_words
from ba2_trade_platform.ui.jobs.row_outlook import outlook_cell
from ba2_trade_platform.ui.jobs.view import COLUMNS, SIZES
from ba2_trade_platform.ui.kit.panels import icon_button
from ba2_trade_platform.ui.kit.server_table import TickColumn, server_table

ById = Callable[[int], Awaitable[None]]
Turn = Callable[[], Awaitable[None]]

# Templates only show; whatever can be clicked stands in an element slot, or clicks are lost while the table updates.
_CELLS = {
    "id": """<q-td :props="props"><a class="ba2-link" :href="'/market_analysis/' + props.row.id" @click.stop
        >{{ props.row.id }}</a></q-td>""",
    "symbol": """<q-td :props="props"><a class="ba2-link" @click.stop
        :href="'/marketanalysis?symbol=' + encodeURIComponent(props.row.symbol)">{{ props.row.symbol }}</a></q-td>""",
    "expert": """<q-td :props="props"><a class="ba2-link" @click.stop
        :href="'/marketanalysis?expert=' + props.row.expert_id">{{ props.row.expert }}</a></q-td>""",
    "status": """<q-td :props="props"><span :class="'ba2-chip tone-' + props.row.tone" :title="props.row.status"
        ><q-icon :name="props.row.icon" aria-hidden="true" /><span>{{ props.row.word }}<span v-if="props.row.due"
        :key="props.row.id + ':' + props.row.due" :data-due="props.row.due"></span></span></span></q-td>""",
    "failure": """<q-td :props="props"><span class="ba2-cut" v-if="props.row.failure"
        ><a class="ba2-link" @click.stop :href="'/marketanalysis?code=' + props.row.failure">{{ props.row.failure }}</a>
        {{ props.row.failure_text }}<q-tooltip max-width="480px" :delay="300" style="font-size: 12px"
        >{{ props.row.failure_hint }}</q-tooltip></span></q-td>""",
    "recommendation": """<q-td :props="props"><span v-if="props.row.action" :class="'ba2-chip tone-' +
        props.row.action_tone"><q-icon :name="props.row.action_icon" aria-hidden="true" />{{ props.row.action
        }}</span></q-td>""",
    "attempt": """<q-td :props="props"><a class="ba2-link" @click.stop :href="'/market_analysis/' + props.row.id +
        '#attempts'">{{ props.row.attempt_text }}</a></q-td>""",
    "progress": """<q-td :props="props"><template v-if="props.row.step"><span class="ba2-progress"
        v-if="props.row.status === 'running'"><span :style="{width: props.row.progress + '%'}"></span></span
        ><span class="ba2-muted">{{ props.row.step }}</span></template></q-td>""",
    "created": """<q-td :props="props"><span :title="props.row.created_exact">{{ props.row.created }}</span></q-td>""",
    "source": """<q-td :props="props"><a class="ba2-link" @click.stop
        :href="'/marketanalysis?source=' + props.row.source">{{ props.row.source }}</a></q-td>""",
    "batch": """<q-td :props="props"><a v-if="props.row.batch" class="ba2-link" @click.stop
        :href="'/batches/' + props.row.batch">{{ props.row.batch }}</a></q-td>""",
}


class JobTable:
    """Shows lines; tells its owner which verb was asked for on which analysis."""

    def __init__(
        self,
        on_sort: Callable[[str, bool], Awaitable[None]],
        verbs: Mapping[str, ById],
        on_pick: Callable[[int, bool], Awaitable[None]],
        on_pick_page: Callable[[], Awaitable[None]],
    ) -> None:
        self._on_sort = on_sort
        self._verbs = verbs
        self._lines: list[dict[str, Any]] = []
        self.table = server_table(COLUMNS, _CELLS, "id", "Analyses").props("binary-state-sort")
        self.ticks = TickColumn(self.table, "id", "Tick analysis", on_pick, on_pick_page)
        with self.table.add_slot("body-cell-actions"), self.table.cell("actions"):
            self._actions()
        with self.table.add_slot("body-cell-verdict"), self.table.cell("verdict"):
            self._ask_by(outlook_cell(), "verdict")
        self.table.on("request", self._sorted, args=["pagination"])
        self.table.on("rowClick", self._clicked, args=[[], ["id"], None])

    @property
    def ids(self) -> list[int]:
        """The visible analyses, in their order."""
        return [int(line["id"]) for line in self._lines]

    def show(self, lines: list[dict[str, Any]], sort: str, descending: bool) -> None:
        """Show these lines; sends nothing when nothing changed."""
        pagination = {"rowsPerPage": 0, "sortBy": sort, "descending": descending, "rowsNumber": len(lines)}
        if lines == self._lines and pagination == self.table.pagination:
            return
        self._lines = lines
        with self.table.props.suspend_updates():
            self.table.rows = [dict(line) for line in lines]
            self.table.pagination = pagination
        self.table.update()

    def _actions(self) -> None:
        # Each button keeps its place, and what misses one does not open the row: a double click hits nothing else.
        with ui.element("div").classes("ba2-actions").on("click.stop", js_handler="() => {}"):
            rerun = ui.button(icon="refresh", color=None).mark("rerun")
            rerun.props(
                "flat dense round size=sm :class=\"[props.row.rerun || props.row.busy ? 'ba2-rerun' : 'ba2-away', "
                "props.row.permanent ? 'ba2-outlined' : '']\" "
                ':loading="props.row.busy" :disable="props.row.busy" '
                ':data-rerun="props.row.id" :aria-label="\'Re-run analysis \' + props.row.id"'
            )
            self._ask_by(rerun, "rerun", hint="Re-run Failed Analysis")
            details = ui.button(icon="visibility", color=None).classes("ba2-muted")
            details.props("flat dense round size=sm :aria-label=\"'View details of analysis ' + props.row.id\"")
            self._ask_by(details, "open", hint="View Details")
            more = ui.button(icon="more_vert", color=None).classes("ba2-muted").on("click.stop", js_handler="() => {}")
            more.props("flat dense round size=sm :aria-label=\"'More for analysis ' + props.row.id\"")
            with more:
                self._menu()

    def _menu(self) -> None:
        # Quasar's own menu: `ui.menu` holds one open state for all rows.
        with ui.element("q-menu").props("auto-close"), ui.list().props("dense"):
            for verb, icon, word, flag in (
                ("rerun_part", "refresh", "Re-run a part...", "rerun"),
                ("run_now", "bolt", "Run now", "retrying"),
                ("stop_retrying", "timer_off", "Stop retrying", "retrying"),
                ("cancel", "block", "Cancel", "cancel"),
                ("again", "content_copy", "Run again", "again"),
                ("delete", "delete", "Delete", None),
            ):
                shown = f":class=\"props.row.{flag} ? '' : 'ba2-gone'\"" if flag else ""
                with ui.item().props(f"clickable v-close-popup {shown}") as item:
                    with ui.item_section().props("avatar").style("min-width: 28px"):
                        ui.icon(icon, size="18px")
                    ui.item_section(word)
                self._ask_by(item.mark(verb), verb, "click")

    def _ask_by(self, element: ui.element, verb: str, click: str = "click.stop", hint: str | None = None) -> None:
        """Have a click on this element ask for a verb on the analysis of its row."""

        async def ask(event: GenericEventArguments) -> None:
            await self._verbs[verb](int(event.args))

        element.on(click, ask, js_handler="() => emit(props.row.id)")
        if hint:
            with element:
                ui.tooltip(hint)

    async def _clicked(self, event: GenericEventArguments) -> None:
        await self._verbs["open"](int(event.args[1]["id"]))

    async def _sorted(self, event: GenericEventArguments) -> None:
        pagination = event.args["pagination"]
        await self._on_sort(pagination.get("sortBy") or "id", bool(pagination.get("descending")))


class JobPager:
    """The line below the table."""

    def __init__(self, size: int, on_size: Callable[[int], Any], first: Turn, previous: Turn, following: Turn) -> None:
        with ui.element("div").classes("ba2-pager"):
            self._range = ui.label().classes("ba2-muted")
            self._bounded = ui.label("Sorted among the newest 10,000 matches").classes("tone-warn ba2-hide-narrow")
            ui.space()
            ui.label("Rows").classes("ba2-muted ba2-hide-narrow")
            sizes = ui.select(list(SIZES), value=size).props("dense borderless options-dense")
            sizes.on_value_change(lambda event: on_size(event.value))
            self._first = icon_button("first_page", "First page", first)
            self._previous = icon_button("chevron_left", "Previous page", previous)
            self._next = icon_button("chevron_right", "Next page", following)

    def show(self, shown: int, total: int, before: int | None, *, first: bool, page: Page[AnalysisRow]) -> None:
        """Show that `shown` rows of `total` are there, after `before` others; None where nobody counted those."""
        of = bounded_words(total)
        place = f"{shown} of {of}" if before is None else f"{before + 1:,}-{before + shown:,} of {of}"
        self._range.set_text(place if shown else f"0 of {of}")
        self._bounded.set_visibility(page.bounded)
        self._first.set_enabled(not first)
        self._previous.set_enabled(not first)
        self._next.set_enabled(page.next_cursor is not None)
