"""Outbound connections: wherever a name leads, a server that answers only this machine is not asked."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ba2_trade_platform.core.base.outbound import OutboundRefusedError, OutboundRule, outbound
from tests.patience import EVENT_SECONDS

OPEN, MODELS, CLOSED = OutboundRule(True, True), OutboundRule(False, True), OutboundRule(False, False)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.216.34", {"open", "models", "closed"}),
        ("2606:2800:220:1::1", {"open", "models", "closed"}),
        ("127.0.0.1", {"open", "models"}),
        ("127.9.9.9", {"open", "models"}),
        ("::1", {"open", "models"}),
        ("::ffff:127.0.0.1", {"open", "models"}),
        ("10.0.0.7", {"open"}),
        ("192.168.1.1", {"open"}),
        ("172.16.3.4", {"open"}),
        ("100.64.0.1", {"open"}),
        ("fd12::1", {"open"}),
        ("::ffff:10.0.0.7", {"open"}),
        ("64:ff9b::a00:7", {"open"}),
        ("2002:a00:7::", {"open"}),
        ("169.254.169.254", set()),
        ("169.254.1.1", set()),
        ("::ffff:169.254.169.254", set()),
        ("64:ff9b::a9fe:a9fe", set()),
        ("fe80::1", set()),
        ("fd00:ec2::254", set()),
        ("100.100.100.200", set()),
        ("168.63.129.16", set()),
        ("::ffff:168.63.129.16", set()),
        ("192.0.0.192", set()),
        ("fd20:ce::254", set()),
        ("fd00:c1::a9fe:a9fe", set()),
        ("fd00:ec2::253", set()),
        ("64:ff9b:1::a9fe:a9fe", set()),
        ("64:ff9b:1:7::a9fe:a9fe", set()),
        ("::169.254.169.254", set()),
        ("::ffff:0:169.254.169.254", set()),
        ("2002:a9fe:a9fe::1", set()),
        ("fec0::1", {"open"}),
        ("192.0.0.8", {"open"}),
        ("64:ff9b:1::a00:7", {"open"}),
        ("::127.0.0.1", {"open", "models"}),
        ("0.0.0.0", set()),  # noqa: S104 - asked, not bound
        ("::", set()),
        ("224.0.0.1", set()),
        ("ff02::1", set()),
    ],
)
def test_which_addresses_are_asked(address: str, allowed: set[str]) -> None:
    rules = {"open": OPEN, "models": MODELS, "closed": CLOSED}
    found = ipaddress.ip_address(address)
    assert {name for name, rule in rules.items() if rule.refusal(found) is None} == allowed


@given(st.ip_addresses())
def test_what_a_stricter_rule_allows_a_laxer_one_allows_too(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    refusals = [rule.refusal(address) is not None for rule in (OPEN, MODELS, CLOSED)]
    assert refusals == sorted(refusals)


def test_a_name_is_judged_by_where_it_leads() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    with outbound(CLOSED), pytest.raises(OutboundRefusedError, match=r"127\.0\.0\.1 is in a private network"):
        socket.create_connection(("localhost", port), timeout=EVENT_SECONDS)
    with outbound(MODELS), socket.create_connection(("localhost", port), timeout=EVENT_SECONDS):
        pass
    with socket.create_connection(("localhost", port), timeout=EVENT_SECONDS):
        pass
    listening.close()


def test_clients_hear_it_as_a_connection_that_failed() -> None:
    with outbound(CLOSED), pytest.raises((httpx.ConnectError, OutboundRefusedError)):
        httpx.get("http://127.0.0.1:9/", trust_env=False)


async def test_it_holds_in_tasks_and_in_threads_that_take_the_context() -> None:
    async def ask() -> None:
        await asyncio.open_connection("127.0.0.1", 9)

    with outbound(CLOSED):
        task, context = asyncio.create_task(ask()), copy_context()
    with pytest.raises(OutboundRefusedError):
        await task
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(context.run, socket.create_connection, ("127.0.0.1", 9), 5)
        assert isinstance(asked.exception(), OutboundRefusedError)
