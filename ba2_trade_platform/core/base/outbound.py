"""Outbound connections: checks the address that a socket is about to open, for a name says nothing of where it leads.

A channel, a heartbeat or a model's address may be written by somebody who wants the console to ask a machine that only
the console can reach. Names are resolved by whoever connects, and may be resolved differently a moment later, so the
check is where every connection of the process comes by: Python's audit event of the socket.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# IPv6 addresses whose last 32 bits are an IPv4 address: of NAT64, everywhere and of one network, of IPv4 in IPv6.
_LAST_BITS = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")))
# Where clouds answer machines with their own credentials: AWS and most others, Alibaba, Azure, Oracle, Google. All of
# AWS's and Oracle's private prefixes are of such services.
_METADATA = tuple(
    map(
        ipaddress.ip_network,
        (
            "169.254.169.254/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
            "fd00:ec2::/32", "fd00:c1::/32", "fd20:ce::254/128",
        ),
    )
)  # fmt: skip
_SHARED, _PROTOCOLS = ipaddress.ip_network("100.64.0.0/10"), ipaddress.ip_network("192.0.0.0/24")


class OutboundRefusedError(PermissionError):
    """The console does not connect to this address; the sentence says why."""


@dataclass(frozen=True)
class OutboundRule:
    """Where the console may connect to: `private` networks, and the `loopback` of its own machine."""

    private: bool
    loopback: bool

    def refusal(self, address: Address) -> str | None:
        """Return why this address is not asked, None when it is."""
        found = _embedded(address)
        if (
            any(found in network for network in _METADATA)
            or found.is_link_local
            or found.is_multicast
            or found.is_unspecified
        ):
            return f"{address} answers machines of one network with what is theirs: the console never asks it"
        if found.is_loopback:
            allowed = self.loopback or self.private
        else:
            allowed = self.private or not (found.is_private or found.is_reserved or _is_local(found))
        return None if allowed else f"{address} is in a private network: BA2_OUTBOUND_PRIVATE=1 lets the console ask it"


ANYWHERE = OutboundRule(private=True, loopback=True)
"""For a console that listens on its own machine only: whoever reaches it could ask its networks himself."""


@dataclass
class Connections:
    """The connections that a block tried to open: how many were allowed, and why the others were not."""

    rule: OutboundRule
    allowed: int = 0
    refusals: list[str] = field(default_factory=list)

    @property
    def refusal(self) -> str | None:
        """Why nobody was asked, None when somebody was or nobody was to be; client libraries do not hand it on."""
        return self.refusals[0] if self.refusals and not self.allowed else None


_connections: ContextVar[Connections | None] = ContextVar("outbound_connections", default=None)


@contextmanager
def outbound(rule: OutboundRule) -> Iterator[Connections]:
    """Check every connection that is opened in this block, by this thread and by the tasks that it begins.

    One that is not allowed raises OutboundRefusedError where it is opened.
    """
    connections = Connections(rule)
    token = _connections.set(connections)
    try:
        yield connections
    finally:
        _connections.reset(token)


def _check(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or (connections := _connections.get()) is None:
        return
    target = arguments[1]
    if not isinstance(target, tuple):
        return  # a socket of this machine's file system
    why = connections.rule.refusal(ipaddress.ip_address(str(target[0]).partition("%")[0]))
    if why is not None:
        connections.refusals.append(why)
        raise OutboundRefusedError(why)
    connections.allowed += 1


def _embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address) or address.is_loopback or address.is_unspecified:
        return address
    if any(address in network for network in _LAST_BITS):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_local(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        return address.is_site_local
    return address in _SHARED or address in _PROTOCOLS


sys.addaudithook(_check)
