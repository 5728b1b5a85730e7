"""Health report: the items of one look with state, sentence and link, and their text for a bug report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """How well something stands: bad needs a person now, warn will need one."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


class Group(StrEnum):
    """Where an item belongs on the page."""

    WORK = "Work"
    CLOCKS = "Scheduler and clocks"
    STORAGE = "Database and disk"
    OUTSIDE = "Outside world"
    MACHINE = "This process"


@dataclass(frozen=True)
class Item:
    """One thing that was looked at. `value` is short, `number` the same in its base unit where it is one."""

    key: str
    group: Group
    label: str
    state: State
    value: str
    sentence: str
    link: str | None = None
    number: float | None = None


@dataclass(frozen=True)
class Report:
    """All items of one look, and the versions of what works here."""

    at: datetime
    items: tuple[Item, ...]
    versions: Mapping[str, str]

    @property
    def bad(self) -> tuple[Item, ...]:
        """What needs a person now."""
        return tuple(item for item in self.items if item.state is State.BAD)

    @property
    def state(self) -> State:
        """The worst state of all items."""
        states = {item.state for item in self.items}
        return next((state for state in (State.BAD, State.WARN) if state in states), State.OK)

    @property
    def sentence(self) -> str:
        """Say how many items need somebody."""
        warned = sum(item.state is State.WARN for item in self.items)
        if self.state is State.OK:
            return "All is well"
        parts = (f"{len(self.bad)} bad" if self.bad else "", f"{warned} to watch" if warned else "")
        return ", ".join(filter(None, parts))

    @property
    def text(self) -> str:
        """Everything as plain text for a bug report; items hold neither secrets nor the names of folders."""
        lines = [f"BA2 Trade Platform, {self.at:%Y-%m-%d %H:%M:%S} UTC: {self.sentence}"]
        for group in Group:
            lines += ["", group.value]
            lines += [f"  {each.state:4}  {each.label}: {each.sentence}" for each in self.items if each.group is group]
        lines += ["", "Versions", *(f"  {name} {version}" for name, version in self.versions.items())]
        return "\n".join(lines)
