"""Step graph: follows which steps build on which, so that no result outlives its inputs (docs/decisions/0010)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol


class Recorded(Protocol):
    """One recorded step; `depends_on` None: on every step before it."""

    @property
    def id(self) -> int:
        """Its row."""

    @property
    def position(self) -> int:
        """Its place."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def depends_on(self) -> Sequence[str] | None:
        """The names of the steps that it builds on."""


def building_on(steps: Sequence[Recorded], names: Iterable[str]) -> dict[int, str]:
    """Return the steps that build on these, directly or not, by id, each with the step that takes it along."""
    taken, found = set(names), dict[int, str]()
    growing = True
    while growing:
        growing = False
        for step in steps:
            depends_on = step.depends_on
            if depends_on is None:
                depends_on = [other.name for other in steps if other.position < step.position]
            cause = next((name for name in depends_on if name in taken), None)
            if step.id not in found and cause is not None:
                found[step.id] = cause
                taken.add(step.name)
                growing = True
    return found
