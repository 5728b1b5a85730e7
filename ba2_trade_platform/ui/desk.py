"""What every page is given: the platform, the live feed, and who is looking."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ba2_trade_platform.app import Platform
from ba2_trade_platform.core.actors import Actor, ActorKind
from ba2_trade_platform.ui.live import Live
from ba2_trade_platform.ui.pulse import Pulse, SharedReading
from ba2_trade_platform.ui.times import display_zone


@dataclass(frozen=True)
class Desk:
    """The services and the feed of one console, as its pages see them."""

    platform: Platform
    live: Live
    pulse: SharedReading[Pulse]

    @property
    def trader(self) -> Actor:
        """Who clicks."""
        return self.platform.actor(ActorKind.USER)

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which this browser shows times."""
        return display_zone(self.platform.settings)
