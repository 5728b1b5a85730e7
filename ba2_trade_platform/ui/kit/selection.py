"""Row selection: ticked analyses by id and version, kept on the server across pages and updates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.monitoring.job_list import AnalysisRow


@dataclass
class Picked:
    """The ticked analyses, each with its version when it was ticked; or all failed ones that a filter finds."""

    versions: dict[int, int] = field(default_factory=dict)
    everything: Filter | None = None
    _anchor: int | None = None

    def __bool__(self) -> bool:
        return bool(self.versions) or self.everything is not None

    def holds(self, analysis_id: int) -> bool:
        """Tell whether this one is ticked by itself."""
        return analysis_id in self.versions

    def toggle(self, row: AnalysisRow, shown: Sequence[AnalysisRow], *, span: bool = False) -> None:
        """Tick or untick a row; with `span` every row shown between it and the last one becomes as this one."""
        self.everything = None
        ticked = row.id not in self.versions
        ids = [one.id for one in shown]
        among = [row]
        if span and self._anchor in ids and row.id in ids:
            first, last = sorted((ids.index(self._anchor), ids.index(row.id)))
            among = list(shown[first : last + 1])
        self._put(among, ticked)
        self._anchor = row.id

    def page(self, shown: Sequence[AnalysisRow]) -> None:
        """Tick every row shown, or untick them when all of them are."""
        self.everything = None
        self._put(shown, not self.covers(shown))

    def covers(self, shown: Iterable[AnalysisRow]) -> bool | None:
        """Tell whether all rows shown are ticked, None: some of them."""
        ticked = [row.id in self.versions for row in shown]
        return True if ticked and all(ticked) else None if any(ticked) else False

    def all_of(self, chosen: Filter) -> None:
        """Mean all failed analyses that this filter finds, now and when they are re-run."""
        self.clear()
        self.everything = chosen

    def clear(self) -> None:
        """Untick everything."""
        self.versions.clear()
        self.everything, self._anchor = None, None

    def selection(self) -> Selection:
        """Return this as the service's selection."""
        return Selection(self.everything, () if self.everything else tuple(self.versions))

    def _put(self, rows: Iterable[AnalysisRow], ticked: bool) -> None:
        for row in rows:
            if ticked:
                self.versions[row.id] = row.version
            else:
                self.versions.pop(row.id, None)
