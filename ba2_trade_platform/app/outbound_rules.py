"""Outbound rules: derive from the settings where channels, heartbeat and language models may lead."""

from __future__ import annotations

from ba2_trade_platform.core.base.outbound import OutboundRule
from ba2_trade_platform.settings import Settings


def outbound_rule(settings: Settings, *, loopback: bool = False) -> OutboundRule:
    """Return where the console may connect to: into private networks when nobody else reaches it, or on request.

    `loopback`: to servers of this machine always, as language models often are.
    """
    private = settings.is_local or settings.outbound_private
    return OutboundRule(private=private, loopback=private or loopback)
