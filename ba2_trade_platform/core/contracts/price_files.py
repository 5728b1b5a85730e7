"""Price files contract: lets the console check a folder of prices through any reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol, runtime_checkable


class FileState(StrEnum):
    """Whether a file's prices are used."""

    USED = "used"
    REPAIRED = "repaired"
    WARNED = "warned"
    REFUSED = "refused"


@dataclass(frozen=True)
class PriceFileReport:
    """One file of prices: the form understood, its sessions, and what was done to it or is wrong with it.

    `missing` counts the exchange's sessions between the first and the last bar that have none, `missing_days` are the
    first of them, `behind` those that have closed since the last bar.
    """

    file: str
    symbol: str
    state: FileState
    form: str = ""
    calendar: str = ""
    bars: int = 0
    first_session: date | None = None
    last_session: date | None = None
    missing: int = 0
    missing_days: tuple[date, ...] = ()
    behind: int = 0
    repaired: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def sentence(self) -> str:
        """Say how this file stands."""
        if self.problem is not None:
            return self.problem
        said = f"{self.file}: {self.form}; {self.bars:,} bars from {self.first_session} to {self.last_session}"
        if self.missing:
            days = ", ".join(map(str, self.missing_days))
            more = ", ..." if self.missing > len(self.missing_days) else ""
            said += f"; {self.missing:,} sessions missing ({days}{more})"
        said += f"; {self.behind:,} sessions behind" if self.behind else ""
        return "; ".join([said, *self.repaired, *self.warnings])


@dataclass(frozen=True)
class FolderCheck:
    """A check of a folder: how far it is, and the files looked at so far by name; `read` of them anew."""

    folder: str
    total: int = 0
    read: int = 0
    files: tuple[PriceFileReport, ...] = ()
    problems: tuple[str, ...] = ()  # of splits.csv and instruments.csv, and of names that are no symbols
    under_way: bool = False
    given_up: bool = False

    @property
    def refused(self) -> int:
        """How many files cannot be used."""
        return sum(file.state is FileState.REFUSED for file in self.files)

    @property
    def sentence(self) -> str:
        """Say how it stands."""
        if self.under_way:
            return f"{len(self.files):,} of {self.total:,} files checked"
        count = {state: sum(file.state is state for file in self.files) for state in FileState}
        parts = [f"{number:,} {state.value}" for state, number in count.items() if number]
        begin = f"Given up after {len(self.files):,} of {self.total:,}" if self.given_up else f"{self.total:,}"
        said = (
            f"{begin} {'file' if self.total == 1 else 'files'}: {', '.join(parts) or 'none'}; {self.read:,} read anew"
        )
        return f"{said}; {len(self.problems):,} more problems" if self.problems else said


@runtime_checkable
class CheckedFolder(Protocol):
    """A price provider whose files can be checked. Blocking; reads in other processes where there are many."""

    def check(self, go_on: Callable[[], bool], told: Callable[[FolderCheck], None]) -> FolderCheck:
        """Check every file, the known ones by a glance, while `go_on` says so; `told` hears how far it is."""
