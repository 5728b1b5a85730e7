"""Server table: columns of fixed widths, and rows that are ticked one by one, a span with shift, or a page at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

Pick = Callable[[Any, bool], Awaitable[None]]


def server_table(
    columns: Sequence[Mapping[str, Any]], templates: Mapping[str, str], row_key: str, label: str
) -> ui.table:
    """Build a table whose rows are given page by page; `templates` show the cells of the columns that they name.

    Widths are fixed: a column that grew with a status would move the buttons from under the mouse.
    """
    fixed = [{"field": column["name"], "headerStyle": f"width: {column['width']}px", **column} for column in columns]
    table = ui.table(columns=fixed, rows=[], row_key=row_key, pagination={"rowsPerPage": 0}).classes("ba2-table")
    table.props(
        "flat dense square hide-pagination hide-bottom virtual-scroll-sticky-size-start=28 "
        f':table-row-class-fn="(row) => row.cls" aria-label="{label}"'
    )
    for name, template in templates.items():
        table.add_slot(f"body-cell-{name}", template)
    return table


class TickColumn:
    """The column `pick` of a table, whose rows say in `picked` whether they are ticked.

    `key` is the field that tells rows apart, `what` the words before it for a screen reader. `on_pick` is told a row's
    key and whether shift was held.
    """

    def __init__(
        self, table: ui.table, key: str, what: str, on_pick: Pick, on_pick_page: Callable[[], Awaitable[None]]
    ) -> None:
        self._on_pick = on_pick
        with table.add_slot("header-cell-pick"), table.header("pick"):
            self._page = ui.button(icon="check_box_outline_blank", color=None, on_click=on_pick_page).mark("pick-page")
            self._page.props('flat dense round size=sm role=checkbox aria-label="Tick this page"')
        with table.add_slot("body-cell-pick"), table.cell("pick"), ui.element("div").classes("ba2-actions") as cell:
            cell.on("click.stop", js_handler="() => {}")  # what misses the button does not open the row
            tick = ui.button(icon="check_box_outline_blank", color=None).mark("pick")
            tick.props(
                "flat dense round size=sm role=checkbox :icon=\"props.row.picked ? 'check_box' : "
                "'check_box_outline_blank'\" :class=\"props.row.picked ? 'ba2-ticked' : 'ba2-muted'\" "
                ":aria-checked=\"props.row.picked ? 'true' : 'false'\" "
                f':data-pick="props.row.{key}" :aria-label="\'{what} \' + props.row.{key}"'
            )
            # A mouse leaves the focus where it was, so that the space bar ticks the row that the keys are on.
            emit = f"emit([props.row.{key}, e.shiftKey])"
            handler = f"e => {{ if (e.detail) e.currentTarget.blur(); {emit}; }}"
            tick.on("click.stop", self._picked, js_handler=handler)

    def show_page(self, ticked: bool | None) -> None:
        """Show whether all rows of the page are ticked; None: some of them."""
        icon = {True: "check_box", False: "check_box_outline_blank", None: "indeterminate_check_box"}[ticked]
        state = {True: "true", False: "false", None: "mixed"}[ticked]
        self._page.props(f"icon={icon} aria-checked={state}")

    async def _picked(self, event: GenericEventArguments) -> None:
        key, span = event.args
        await self._on_pick(key, bool(span))
