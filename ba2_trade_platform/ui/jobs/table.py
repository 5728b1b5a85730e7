"""Job table: server-side pages with live patches of visible rows, and the re-run button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from ba2_trade_platform.ui.jobs.row_outlook import outlook_cell
from ba2_trade_platform.ui.jobs.view import COLUMNS

ById = Callable[[int], Awaitable[None]]

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
        self._on_pick = on_pick
        self._verbs = verbs
        self._lines: list[dict[str, Any]] = []
        # Widths are fixed: a column that grew with a status would move the buttons from under the mouse.
        columns = [
            {"field": column["name"], "headerStyle": f"width: {column['width']}px", **column} for column in COLUMNS
        ]
        self.table = ui.table(columns=columns, rows=[], row_key="id", pagination={"rowsPerPage": 0})
        self.table.classes("ba2-table").props(
            "flat dense square binary-state-sort hide-pagination hide-bottom virtual-scroll-sticky-size-start=28 "
            ':table-row-class-fn="(row) => row.cls" aria-label="Analyses"'
        )
        for name, template in _CELLS.items():
            self.table.add_slot(f"body-cell-{name}", template)
        with self.table.add_slot("header-cell-pick"), self.table.header("pick"):
            self._page_tick = ui.button(icon="check_box_outline_blank", color=None, on_click=on_pick_page)
            self._page_tick.props('flat dense round size=sm role=checkbox aria-label="Tick this page"').mark(
                "pick-page"
            )
        with self.table.add_slot("body-cell-pick"), self.table.cell("pick"):
            self._tick()
        with self.table.add_slot("body-cell-actions"), self.table.cell("actions"):
            self._actions()
        with self.table.add_slot("body-cell-verdict"), self.table.cell("verdict"):
            outlook_cell().on("click.stop", self._asks("verdict"), js_handler="() => emit(props.row.id)")
        self.table.on("request", self._sorted, args=["pagination"])
        self.table.on("rowClick", self._clicked, args=[[], ["id"], None])

    @property
    def ids(self) -> list[int]:
        """The visible analyses, in their order."""
        return [int(line["id"]) for line in self._lines]

    def line_of(self, analysis_id: int) -> dict[str, Any] | None:
        """Return a visible line."""
        return next((line for line in self._lines if line["id"] == analysis_id), None)

    def show(self, lines: list[dict[str, Any]], sort: str, descending: bool) -> None:
        """Show these lines; sends nothing when nothing changed."""
        pagination = {
            "rowsPerPage": 0,
            "sortBy": sort,
            "descending": descending,
            "rowsNumber": len(lines),
        }
        if lines == self._lines and pagination == self.table.pagination:
            return
        self._lines = lines
        with self.table.props.suspend_updates():
            self.table.rows = [dict(line) for line in lines]
            self.table.pagination = pagination
        self.table.update()

    def show_page_tick(self, ticked: bool | None) -> None:
        """Show whether all rows of the page are ticked; None: some of them."""
        icon = {True: "check_box", False: "check_box_outline_blank", None: "indeterminate_check_box"}[ticked]
        state = {True: "true", False: "false", None: "mixed"}[ticked]
        self._page_tick.props(f"icon={icon} aria-checked={state}")

    def _tick(self) -> None:
        cell = ui.element("div").classes("ba2-actions").on("click.stop", js_handler="() => {}")
        with cell:
            tick = ui.button(icon="check_box_outline_blank", color=None).mark("pick")
            tick.props(
                "flat dense round size=sm role=checkbox :icon=\"props.row.picked ? 'check_box' : "
                "'check_box_outline_blank'\" :class=\"props.row.picked ? 'ba2-ticked' : 'ba2-muted'\" "
                ":aria-checked=\"props.row.picked ? 'true' : 'false'\" "
                ':data-pick="props.row.id" :aria-label="\'Tick analysis \' + props.row.id"'
            )
            # A mouse leaves the focus where it was, so that the space bar ticks the row that the keys are on.
            tick.on(
                "click.stop",
                self._picked,
                js_handler="e => { if (e.detail) e.currentTarget.blur(); emit([props.row.id, e.shiftKey]); }",
            )

    async def _picked(self, event: GenericEventArguments) -> None:
        analysis_id, span = event.args
        await self._on_pick(int(analysis_id), bool(span))

    def _actions(self) -> None:
        # Each button keeps its place, and what misses one does not open the row: a double click hits nothing else.
        cell = ui.element("div").classes("ba2-actions").on("click.stop", js_handler="() => {}")
        with cell:
            rerun = (
                ui.button(icon="refresh", color=None)
                .mark("rerun")
                .props(
                    "flat dense round size=sm :class=\"[props.row.rerun || props.row.busy ? 'ba2-rerun' : 'ba2-away', "
                    "props.row.permanent ? 'ba2-outlined' : '']\" "
                    ':loading="props.row.busy" :disable="props.row.busy" '
                    ':data-rerun="props.row.id" :aria-label="\'Re-run analysis \' + props.row.id"'
                )
            )
            rerun.on("click.stop", self._asks("rerun"), js_handler="() => emit(props.row.id)")
            with rerun:
                ui.tooltip("Re-run Failed Analysis")
            details = (
                ui.button(icon="visibility", color=None)
                .classes("ba2-muted")
                .props("flat dense round size=sm :aria-label=\"'View details of analysis ' + props.row.id\"")
            )
            details.on("click.stop", self._asks("open"), js_handler="() => emit(props.row.id)")
            with details:
                ui.tooltip("View Details")
            with (
                ui.button(icon="more_vert", color=None)
                .classes("ba2-muted")
                .props("flat dense round size=sm :aria-label=\"'More for analysis ' + props.row.id\"")
                .on("click.stop", js_handler="() => {}")
            ):
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
                item.mark(verb).on("click", self._asks(verb), js_handler="() => emit(props.row.id)")

    def _asks(self, verb: str) -> Callable[[GenericEventArguments], Awaitable[None]]:
        async def ask(event: GenericEventArguments) -> None:
            await self._verbs[verb](int(event.args))

        return ask

    async def _clicked(self, event: GenericEventArguments) -> None:
        await self._verbs["open"](int(event.args[1]["id"]))

    async def _sorted(self, event: GenericEventArguments) -> None:
        pagination = event.args["pagination"]
        await self._on_sort(pagination.get("sortBy") or "id", bool(pagination.get("descending")))
