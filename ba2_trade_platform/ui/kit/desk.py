"""Page context: platform, live feed and trader, handed to every page as one argument."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.ui.kit.live import Live
from ba2_trade_platform.ui.kit.shell_status import SharedReading, ShellStatus
from ba2_trade_platform.ui.kit.times import display_zone
from ba2_trade_platform.vocabulary import ActorKind


@dataclass(frozen=True)
class Desk:
    """The services and the feed of one console, as its pages see them."""

    platform: Platform
    live: Live
    shell_status: SharedReading[ShellStatus]

    @property
    def trader(self) -> Actor:
        """Who clicks."""
        return self.platform.actor(ActorKind.USER)

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which this browser shows times."""
        return display_zone(self.platform.settings)
