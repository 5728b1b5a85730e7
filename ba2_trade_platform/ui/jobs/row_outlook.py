"""Row outlook: the re-run outlook of visible rows as a chip that opens the card."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.monitoring.job_list import AnalysisRow
from ba2_trade_platform.core.monitoring.rerun_outlook import RerunOutlook
from ba2_trade_platform.ui.analysis.rerun_outlook import outlook_look, show_outlook
from ba2_trade_platform.ui.kit.desk import Desk

NO_OUTLOOK = {"verdict": "", "verdict_icon": "", "verdict_cls": "ba2-gone", "verdict_hint": ""}


class RowOutlooks:
    """Keeps the outlooks of the rows that a page shows."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[int, tuple[str, RerunOutlook]] = {}

    def read(self, rows: Iterable[AnalysisRow]) -> None:
        """Judge these rows anew; blocking, hence to be called with the rows' own reading."""
        rows = list(rows)
        found = self._desk.platform.monitoring.outlook.of(rows)
        kept = {row_id: known for row_id, known in self._known.items() if row_id not in {row.id for row in rows}}
        self._known = kept | {row.id: (row.fingerprint or "", found[row.id]) for row in rows if row.id in found}

    def cell(self, row: AnalysisRow) -> dict[str, Any]:
        """Return what the table shows of one row."""
        if row.id not in self._known:
            return NO_OUTLOOK
        _, outlook = self._known[row.id]
        look = outlook_look(outlook)
        return {
            "verdict": look.word,
            "verdict_icon": look.icon,
            "verdict_cls": f"ba2-chip-button tone-{look.tone}",
            "verdict_hint": outlook.headline,
            "permanent": outlook.warns,
        }

    async def open(self, analysis_id: int) -> None:
        """Open the card of one row."""
        if analysis_id in self._known:
            await show_outlook(self._desk, self._known[analysis_id][0])


def outlook_cell() -> ui.button:
    """Build the chip inside the table's cell; what it shows comes from the row."""
    button = ui.button(color=None).mark("verdict")
    button.props(
        'flat dense no-caps :label="props.row.verdict" :icon="props.row.verdict_icon" :class="props.row.verdict_cls" '
        ':title="props.row.verdict_hint" :aria-label="props.row.verdict_hint"'
    )
    return button
