"""The gateway: every way in which a provider fails, through the real client and a real server."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool
from sqlalchemy import delete, insert

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import CallOutcome, ErrorCode, Mode, ProviderKind, Trigger
from tests.eventually import eventually
from tests.fakes.context import RecordingContext
from tests.fakes.model_server import NEVER, ModelServer, Reply
from tests.flow.llm.model_desk import KEY, ModelDesk, model_desk, say
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER


async def test_a_call_is_answered_counted_and_charged_to_its_step(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    attempt = desk.attempt("local")
    assert await say(attempt) == "ready"
    assert server.asked[0].body["model"] == "fake-mini"
    assert server.asked[0].authorization == f"Bearer {KEY}"
    (call,) = desk.calls()
    assert (call.provider, call.model, call.attempt) == ("local", "fake-mini", 1)
    assert (call.outcome, call.tokens_in, call.tokens_out) == (CallOutcome.ANSWERED, 11, 7)
    assert call.reserved is not None
    assert call.reserved > Decimal("0.002"), "the longest answer, and the question beside"
    assert attempt.charges == [("Think", "local", 18, Decimal("0.000018"))]


FAILURES = [
    (Reply(status=401, error=f"Incorrect API key provided: {KEY}"), "AUTH", 1, "local refused the API key: Incorrect"),
    (Reply(status=403, error="Not in your region"), "PERMISSION", 1, "local does not allow this: Not in your region"),
    (Reply(status=404, error="No such model"), "MODEL_NOT_FOUND", 1, "local has no model fake-mini: No such model"),
    (Reply(status=400, error="Bad temperature"), "BAD_REQUEST", 1, "local refused the request: Bad temperature"),
    (
        Reply(status=400, error="maximum context length is 8", code="context_length_exceeded"),
        "CONTEXT_OVERFLOW", 1, "The question is too long for local's fake-mini",
    ),
    (
        Reply(status=429, error="You exceeded your current quota", code="insufficient_quota"),
        "PERMISSION", 1, "its quota or credit is used up",
    ),
    (Reply(status=429, error="Slow down"), "RATE_LIMIT", 2, "local asked to slow down: Slow down"),
    (Reply(status=500, error="Oh no"), "PROVIDER_DOWN", 2, "local does not serve: Oh no"),
    (Reply(status=503, error="Busy"), "PROVIDER_DOWN", 2, "local does not serve: Busy"),
    (Reply("a longer answer than that", ends="cut"), "CONNECTION", 2, "local ended its answer in the middle"),
    (Reply("a longer answer", ends="corrupt"), "PROVIDER_DOWN", 2, "sent something unreadable in the middle"),
    (Reply(""), "OUTPUT_INVALID", 1, "local's fake-mini gave an empty answer"),
    (Reply("half an", finish="length"), "OUTPUT_INVALID", 1, "the longest allowed is 2000 tokens"),
    (Reply("", finish="content_filter"), "OUTPUT_INVALID", 1, "content filter stepped in"),
    (Reply(call=("look", '{"symbol": "AA')), "OUTPUT_INVALID", 1, "arguments that are no valid JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "code", "tries", "sentence"), FAILURES, ids=[row[3] for row in FAILURES])
async def test_a_failure_has_its_code_its_tries_and_a_sentence(
    desk: ModelDesk, server: ModelServer, reply: Reply, code: str, tries: int, sentence: str
) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(reply)
    with pytest.raises(ExpertError) as failed:
        await say(desk.attempt("local", call_retries=1))
    assert (failed.value.code, failed.value.provider, len(server.asked)) == (code, "local", tries)
    assert sentence in str(failed.value)
    assert KEY not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None
    assert len(desk.calls()) == tries


async def test_what_passes_is_repeated_and_not_before_the_provider_wants(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(
        Reply(status=429, error="Slow down", headers=(("retry-after", "1"),)),
        Reply(status=503, headers=(("retry-after", "1"),)),
        Reply("well"),
    )
    assert await say(desk.attempt("local", call_retries=2)) == "well"
    assert (server.silences, server.too_soon) == (2, 0)
    assert desk.outcomes() == [CallOutcome.FAILED, CallOutcome.FAILED, CallOutcome.ANSWERED]
    assert [call.error_code for call in desk.calls()] == ["RATE_LIMIT", "PROVIDER_DOWN", None]


async def test_a_call_that_was_turned_away_took_nothing_and_one_that_broke_off_nobody_knows(
    desk: ModelDesk, server: ModelServer
) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(Reply(status=500), Reply("well"), Reply("a longer answer than that", ends="cut"))
    attempt = desk.attempt("local", call_retries=1)
    await say(attempt)
    assert [charge[2] for charge in attempt.charges] == [0, 18]
    with pytest.raises(ExpertError):
        await say(desk.attempt("local"))
    assert desk.calls()[2].tokens_out is None


async def test_what_was_garbled_before_its_first_word_may_have_cost_something(
    desk: ModelDesk, server: ModelServer
) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(Reply(ends="garbled"))
    with pytest.raises(ExpertError, match="does not serve") as failed:
        await say(desk.attempt("local"))
    assert (failed.value.code, desk.calls()[0].cost) == ("PROVIDER_DOWN", None)


async def test_a_key_that_was_replaced_is_used_from_the_next_call_on(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    attempt = desk.attempt("local")
    await say(attempt)
    desk.providers.change("local", key="a-new-word", by=TRADER)
    await say(attempt)
    assert [asked.authorization for asked in server.asked] == [f"Bearer {KEY}", "Bearer a-new-word"]


@tool
def look(symbol: str) -> str:
    """Look at a symbol."""
    return symbol


@pytest.mark.parametrize("kind", [ProviderKind.OPENAI, ProviderKind.ANTHROPIC, ProviderKind.OLLAMA])
async def test_each_provider_is_given_tools_in_its_own_format(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind
) -> None:
    desk.add("some", f"{server.url}/v1" if kind is ProviderKind.OPENAI else server.url, kind)
    await desk.attempt("some").models.chat("quick").bind_tools([look], tool_choice="any").ainvoke("Look at AAPL")
    (sent,) = server.asked[0].body["tools"]
    assert sent["name" if kind is ProviderKind.ANTHROPIC else "function"]


async def test_an_agent_calls_its_tool_and_goes_on(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(Reply(call=("look", '{"symbol": "AAPL"}')), Reply("I have looked"))
    agent = create_agent(desk.attempt("local").models.chat("quick"), [look])
    said = await agent.ainvoke({"messages": [("user", "Look at AAPL")]})
    assert [message.text for message in said["messages"][1:]] == ["", "AAPL", "I have looked"]


async def test_a_long_wish_to_wait_is_left_to_the_queue(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(Reply(status=429, error="Tomorrow", headers=(("retry-after", "3600"),)))
    with pytest.raises(ExpertError) as failed:
        await say(desk.attempt("local", call_retries=2))
    assert (len(server.asked), failed.value.retry_after) == (1, 3600)


@pytest.mark.parametrize("ends", ["slow", "stalled"])
async def test_no_answer_in_time_is_a_time_out(desk: ModelDesk, server: ModelServer, ends: str) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(Reply("a long answer, cut", ends="stalled") if ends == "stalled" else Reply(seconds=NEVER))
    with pytest.raises(ExpertError, match="local did not answer in time") as failed:
        await say(desk.attempt("local", call_timeout_seconds=0.5))
    assert failed.value.code == "TIMEOUT"
    assert await asyncio.to_thread(server.asked[0].left.wait, EVENT_SECONDS)


async def test_nobody_there_is_a_broken_connection(desk: ModelDesk) -> None:
    desk.add("local", "http://127.0.0.1:9/v1")
    with pytest.raises(ExpertError, match="local cannot be reached") as failed:
        await say(desk.attempt("local"))
    assert failed.value.code == "CONNECTION"


async def test_a_used_up_budget_asks_nobody(tmp_path: Path, server: ModelServer) -> None:
    with model_desk(tmp_path) as desk:
        desk.add("local", f"{server.url}/v1")
        attempt = desk.attempt("local", call_retries=2, budget_per_analysis_usd=0.00202)
        await say(attempt)
        with pytest.raises(ExpertError) as failed:
            await say(attempt)
    assert (failed.value.code, len(server.asked)) == (ErrorCode.BUDGET, 1)


async def test_cancelling_ends_on_the_server_a_call_that_would_never_end(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(Reply("a long answer that never ends", ends="stalled"))
    task = asyncio.create_task(say(desk.attempt("local")))
    assert await asyncio.to_thread(server.arrived.wait, EVENT_SECONDS)
    assert await asyncio.to_thread(server.asked[0].began.wait, EVENT_SECONDS)
    task.cancel()
    assert await asyncio.to_thread(server.asked[0].left.wait, EVENT_SECONDS)
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: desk.outcomes() == [CallOutcome.CANCELLED])


@pytest.mark.parametrize("kind", [ProviderKind.OPENAI, ProviderKind.ANTHROPIC, ProviderKind.OLLAMA])
async def test_cancelling_as_a_piece_of_the_answer_comes_is_not_lost(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind
) -> None:
    desk.add("wordy", server.url if kind is not ProviderKind.OPENAI else f"{server.url}/v1", kind)
    server.will(Reply("an answer without an end", ends="endless"))
    for number in range(10):
        server.arrived.clear()
        task = asyncio.create_task(say(desk.attempt("wordy")))
        assert await asyncio.to_thread(server.arrived.wait, EVENT_SECONDS)
        assert await asyncio.to_thread(server.asked[number].began.wait, EVENT_SECONDS)
        task.cancel()
        assert await asyncio.to_thread(server.asked[number].left.wait, EVENT_SECONDS)
        with pytest.raises(asyncio.CancelledError):
            await task
    await eventually(lambda: desk.outcomes() == [CallOutcome.CANCELLED] * 10)


async def test_anthropic_answers_and_refuses(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("claude", server.url, ProviderKind.ANTHROPIC)
    attempt = desk.attempt("claude")
    server.will(Reply("Well said"), Reply(status=529, error="Overloaded"))
    assert await say(attempt) == "Well said"
    assert server.asked[0].authorization.removeprefix("Bearer ") == KEY
    assert attempt.charges == [("Think", "claude", 18, Decimal("0.000018"))]
    with pytest.raises(ExpertError, match="claude does not serve: Overloaded") as failed:
        await say(attempt)
    assert failed.value.code == "PROVIDER_DOWN"


async def test_ollama_answers_and_lacks_a_model(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("llama", server.url, ProviderKind.OLLAMA, key=None)
    attempt = desk.attempt("llama")
    server.will(Reply("Well said, locally"), Reply(status=404, error="model 'fake-mini' not found"))
    assert await say(attempt) == "Well said, locally"
    assert attempt.charges == [("Think", "llama", 18, Decimal("0.000018"))]
    with pytest.raises(ExpertError, match="llama has no model fake-mini") as failed:
        await say(attempt)
    assert failed.value.code == "MODEL_NOT_FOUND"


@pytest.mark.parametrize("kind", [ProviderKind.ANTHROPIC, ProviderKind.OLLAMA])
async def test_a_cut_answer_is_noticed_whoever_sends_it(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind
) -> None:
    desk.add("cut", server.url, kind)
    server.will(Reply("a longer answer than that, and longer still", ends="cut"))
    with pytest.raises(ExpertError, match="cut ended its answer in the middle") as failed:
        await say(desk.attempt("cut"))
    assert failed.value.code == "CONNECTION"


async def test_what_was_answered_before_a_kill_is_not_asked_again(desk: ModelDesk, server: ModelServer) -> None:
    desk.add("local", f"{server.url}/v1")
    server.will(Reply("paid once"), Reply("asked anew"), Reply("asked anew"))
    assert await say(attempt_of(desk, 1, Trigger.FIRST)) == "paid once"
    assert await say(attempt_of(desk, 2, Trigger.RESCUE)) == "paid once"
    assert await say(attempt_of(desk, 3, Trigger.RELEASE)) == "paid once"
    assert await say(attempt_of(desk, 3, Trigger.RELEASE), "Another question") == "asked anew"
    assert await say(attempt_of(desk, 4, Trigger.RERUN)) == "asked anew"
    assert len(server.asked) == 3


def attempt_of(desk: ModelDesk, number: int, trigger: Trigger) -> RecordingContext:
    """Return an attempt of analysis 1 that was begun like this, as the database has it."""
    if number == 1:
        desk.desk.submit(desk.desk.expert())
    values = {"analysis_id": 1, "number": number, "trigger": trigger, "mode": Mode.RESUME, "base_attempt": 1}
    with desk.desk.store.write() as transaction:
        transaction.session.execute(delete(t.attempt).where(t.attempt.c.number == number))
        transaction.session.execute(
            insert(t.attempt).values(**values, actor_id=1, queued_at=desk.desk.clock.now(), currency="USD")
        )
    context = desk.attempt("local")
    context.attempt = number
    return context
