"""Routing and limits of the gateway: which provider is asked next, and how many calls go at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from tests.fakes.model_server import ModelServer, Reply
from tests.flow.llm.model_desk import ModelDesk, model_desk, say
from tests.platforms import TRADER


async def test_nobody_in_line_goes_while_the_provider_wants_silence(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1", concurrency=1)
    server.will(Reply(status=429, error="Slow down", headers=(("retry-after", "1"),)), Reply("well"))
    first, second = (desk.attempt("local", call_retries=1) for _ in range(2))
    assert await asyncio.gather(say(first), say(second)) == ["well", "well"]
    assert (server.silences, server.too_soon) == (1, 0)


async def test_a_removed_provider_leaves_nothing_to_one_of_the_same_name(
    desk: ModelDesk, server: ModelServer, other: ModelServer
) -> None:
    desk.add("local", f"{server.url}/v1")
    await say(desk.attempt("local"))
    desk.providers.remove("local", by=TRADER)
    desk.add("local", f"{other.url}/v1", key="another")
    await say(desk.attempt("local"))
    assert [asked.authorization for asked in other.asked] == ["Bearer another"]


@pytest.mark.parametrize(("reply", "tries"), [(Reply(status=500), 2), (Reply(status=401, error="Wrong key"), 1)])
async def test_the_next_provider_is_asked_and_the_attempt_says_so(
    desk: ModelDesk, server: ModelServer, other: ModelServer, reply: Reply, tries: int
) -> None:
    desk.add("first", f"{server.url}/v1")
    desk.add("second", f"{other.url}/v1")
    server.will(reply)
    attempt = desk.attempt("first", "second", call_retries=1)
    assert await say(attempt) == "ready"
    assert (len(server.asked), len(other.asked)) == (tries, 1)
    assert attempt.warnings[0].startswith("first ")
    assert attempt.warnings[0].endswith("second was asked instead")
    assert [charge[1] for charge in attempt.charges][-1] == "second"


async def test_a_request_that_makes_no_sense_does_not_wander(
    desk: ModelDesk, server: ModelServer, other: ModelServer
) -> None:
    desk.add("first", f"{server.url}/v1")
    desk.add("second", f"{other.url}/v1")
    server.will(Reply(status=400, error="Nonsense"))
    with pytest.raises(ExpertError, match="Nonsense"):
        await say(desk.attempt("first", "second"))
    assert not other.asked


async def test_a_provider_whose_breaker_is_open_is_asked_last(
    desk: ModelDesk, server: ModelServer, other: ModelServer
) -> None:
    desk.add("first", f"{server.url}/v1")
    desk.add("second", f"{other.url}/v1")
    desk.desk.platform.breakers.open("first", by=TRADER, reason="maintenance")
    await say(desk.attempt("first", "second"))
    assert (len(server.asked), len(other.asked)) == (0, 1)


async def test_the_settings_name_a_model_and_with_it_who_is_asked_first(
    desk: ModelDesk, server: ModelServer, other: ModelServer
) -> None:
    desk.add("first", f"{server.url}/v1")
    desk.add("second", f"{other.url}/v1")
    await say(desk.attempt("first", "second", quick_model="second:special"))
    assert [asked.body["model"] for asked in other.asked] == ["special"]
    assert not server.asked


async def test_a_provider_that_was_left_out_is_not_asked_because_the_settings_name_its_model(
    desk: ModelDesk, server: ModelServer, other: ModelServer
) -> None:
    desk.add("first", f"{server.url}/v1")
    desk.add("second", f"{other.url}/v1")
    server.will(Reply(status=500))
    with pytest.raises(ExpertError, match="first does not serve"):
        await say(desk.attempt("first", quick_model="second:special"))
    assert [asked.body["model"] for asked in server.asked] == ["fake-mini"]
    assert not other.asked


async def test_fifty_at_once_make_no_storm(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1", concurrency=4)
    server.limit = (30, 1)
    attempts = [desk.attempt("local", call_retries=5) for _ in range(50)]
    assert await asyncio.gather(*(say(attempt) for attempt in attempts)) == ["ready"] * 50
    assert server.most_at_once <= 4
    assert server.refused <= 8, "those under way at the first refusal, and the few that found out when it was over"


async def test_fifty_at_once_stay_within_a_limit_that_is_known(tmp_path: Path, server: ModelServer) -> None:
    with model_desk(tmp_path, minute=4) as desk:
        desk.add("local", f"{server.url}/v1", requests_per_minute=30, concurrency=50)
        server.limit = (30, 0.3)  # far less than the minute: a request may be long on its way
        attempts = [desk.attempt("local") for _ in range(50)]
        assert await asyncio.gather(*(say(attempt) for attempt in attempts)) == ["ready"] * 50
    assert server.refused == 0
