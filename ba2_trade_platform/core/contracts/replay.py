"""Replay contract: the state of a market clock that can walk through the past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ReplayMode(StrEnum):
    """How the market's clock is."""

    STANDING = "standing"
    WALKING = "walking"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True)
class Walk:
    """A replay from `start` to `end`, now at `at`; `speed` is market seconds a real second while a desk is manned."""

    start: datetime
    end: datetime
    at: datetime
    speed: float
    going: bool = True


@dataclass(frozen=True)
class ReplayState:
    """What the market's clock shows and how it goes on; `seconds_left` real ones until the walk's end."""

    mode: ReplayMode
    now: datetime
    walk: Walk | None = None
    seconds_left: float | None = None

    @property
    def sentence(self) -> str:
        """Say how the clock is."""
        shown = f"{self.now:%a %Y-%m-%d %H:%M} UTC"
        if self.walk is None:
            return f"The market's clock stands at {shown}"
        if self.mode is ReplayMode.ENDED:
            return f"The replay has ended at {shown}"
        if self.mode is ReplayMode.PAUSED:
            return f"The replay waits at {shown}"
        return f"The replay is at {shown}, {round(self.seconds_left or 0)} s to its end"
