"""Answers as servers give them, through the real clients: good ones are read, all others fail with a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import ProviderKind, Trigger
from tests.fakes.answer_wires import Said, as_anthropic, as_ollama, as_openai, chunk, sse, usage_of, whole
from tests.fakes.model_server import ModelServer, Reply, model_server
from tests.flow.llm.model_desk import ModelDesk, say
from tests.flow.llm.test_gateway import attempt_of
from tests.flow.llm.test_structured_answers import GOOD, plan
from tests.platforms import TRADER

FLAT = "The trend is flat; RSI stands near 50."
HALF = chunk({"content": "The trend is fl"})
KINDS = [ProviderKind.OPENAI, ProviderKind.ANTHROPIC, ProviderKind.OLLAMA]
WIRES = {ProviderKind.OPENAI: as_openai, ProviderKind.ANTHROPIC: as_anthropic, ProviderKind.OLLAMA: as_ollama}


def add(desk: ModelDesk, server: ModelServer, kind: ProviderKind = ProviderKind.OPENAI, **values: Any) -> None:
    """Add the server as a provider."""
    desk.add("local", f"{server.url}/v1" if kind is ProviderKind.OPENAI else server.url, kind, **values)


def ended(word: object) -> dict[ProviderKind, bytes]:
    """Return half of an answer that ends with a word, in each protocol."""
    delta = {"type": "message_delta", "delta": {"stop_reason": word}, "usage": {"output_tokens": 4}}
    block = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "The trend is fl"}}
    lines = [
        {"message": {"content": "The trend is fl"}},
        {"message": {"content": ""}, "done": True, "done_reason": word},
    ]
    return {
        ProviderKind.OPENAI: sse(HALF, chunk(finish=word)),  # type: ignore[arg-type]  # servers send what they like
        ProviderKind.ANTHROPIC: sse(block, delta, {"type": "message_stop"}, done=False),
        ProviderKind.OLLAMA: b"".join(json.dumps(line).encode() + b"\n" for line in lines),
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("word", "code", "sentence"),
    [
        ("error", "PROVIDER_DOWN", 'it ended with "error"'),
        ("network_error", "PROVIDER_DOWN", 'it ended with "network_error"'),
        ("unload", "PROVIDER_DOWN", 'it ended with "unload"'),
        ("pause_turn", "PROVIDER_DOWN", "paused in the middle"),
        ("tool_calls", "PROVIDER_DOWN", "sent no call"),
        ("MAX_TOKENS", "OUTPUT_INVALID", "the longest allowed is 2000 tokens"),
        ("sensitive", "OUTPUT_INVALID", "content filter stepped in (sensitive)"),
        ("model_context_window_exceeded", "CONTEXT_OVERFLOW", "do not fit into its window"),
        ("", "CONNECTION", "in the middle, without a finish reason"),
        (None, "CONNECTION", "in the middle, without a finish reason"),
    ],
)
async def test_nothing_of_an_answer_with_a_bad_ending_is_kept(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind, word: str | None, code: str, sentence: str
) -> None:
    add(desk, server, kind)
    server.will(Reply(wire=(ended(word)[kind],)), Reply(FLAT))
    passing = code in {"PROVIDER_DOWN", "CONNECTION"}
    if passing:
        assert await say(desk.attempt("local", call_retries=1)) == FLAT, "repeated, for it may pass"
    server.will(Reply(wire=(ended(word)[kind],)))
    with pytest.raises(ExpertError) as failed:
        await say(desk.attempt("local"))
    assert failed.value.code == code
    assert sentence in str(failed.value)
    told = desk.desk.platform.models.gateway.test("local", by=TRADER)
    assert (told.ok, told.code) == (False, code)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("word", ["STOP", "eos", "stop_sequence", "endTurn"])
async def test_a_good_ending_in_any_words_ends_an_answer(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind, word: str
) -> None:
    add(desk, server, kind)
    server.will(Reply(wire=(ended(word)[kind],)))
    assert await say(desk.attempt("local")) == "The trend is fl"


async def test_the_next_provider_is_asked_when_an_answer_breaks_off(desk: ModelDesk, server: ModelServer) -> None:
    with model_server() as other:
        desk.add("first", f"{server.url}/v1")
        desk.add("second", f"{other.url}/v1")
        server.will(Reply("The trend is fl", finish="error"))
        attempt = desk.attempt("first", "second")
        assert await say(attempt) == "ready"
        assert "second was asked instead" in attempt.warnings[0]


ERRORS = {
    "beside its choices": {**HALF, "error": {"code": 502, "message": "Provider disconnected"}},
    "in its choice": {
        "choices": [{"index": 0, "delta": {}, "error": {"message": "Provider disconnected", "code": 502}}]
    },
    "alone": {"error": {"message": "Provider disconnected"}},
    "as a text": {"error": "Provider disconnected"},
    "as vLLM does": {"object": "error", "message": "Provider disconnected", "code": 500},
    "as MiniMax does": {"base_resp": {"status_code": 1000, "status_msg": "Provider disconnected"}, "choices": []},
    "as DashScope does": {"code": "InternalError", "message": "Provider disconnected", "request_id": "r"},
}


@pytest.mark.parametrize("place", ERRORS)
@pytest.mark.parametrize("begun", [True, False])
async def test_an_error_inside_of_an_answer_is_one_wherever_it_stands(
    desk: ModelDesk, server: ModelServer, place: str, begun: bool
) -> None:
    add(desk, server)
    server.will(Reply(wire=(sse(*[HALF] * begun, ERRORS[place], chunk(finish="stop")),)))
    with pytest.raises(ExpertError, match="Provider disconnected") as failed:
        await say(desk.attempt("local"))
    assert failed.value.code == "PROVIDER_DOWN"


@pytest.mark.parametrize("kind", [ProviderKind.ANTHROPIC, ProviderKind.OLLAMA])
async def test_an_error_inside_of_an_answer_is_one_in_each_protocol(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind
) -> None:
    add(desk, server, kind)
    error: dict[str, Any] = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    last = json.dumps({"error": "Overloaded"}).encode() if kind is ProviderKind.OLLAMA else sse(error, done=False)
    server.will(Reply(wire=(ended(None)[kind], last)))
    with pytest.raises(ExpertError, match="Overloaded") as failed:
        await say(desk.attempt("local"))
    assert failed.value.code == "PROVIDER_DOWN"


async def test_a_server_that_sends_no_stream_is_read_all_the_same(desk: ModelDesk, server: ModelServer) -> None:
    add(desk, server)
    desk.add("claude", server.url, ProviderKind.ANTHROPIC)
    desk.add("llama", server.url, ProviderKind.OLLAMA)
    message = {"role": "assistant", "content": FLAT}
    whole_body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage_of(11, 7)}
    claude = {"type": "message", "content": [{"type": "text", "text": FLAT}], "stop_reason": "end_turn"}
    claude |= {"usage": {"input_tokens": 11, "output_tokens": 7}}
    llama = {"message": message, "done": True, "done_reason": "stop", "prompt_eval_count": 11, "eval_count": 7}
    for name, body in (("local", whole_body), ("claude", claude), ("llama", llama)):
        for indent in (None, 2):
            server.will(Reply(wire=(json.dumps(body, indent=indent).encode(),), media="application/json"))
            attempt = desk.attempt(name)
            assert await say(attempt) == FLAT
            assert attempt.charges[-1][1:3] == (name, 18)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", ["<html>Sign in</html>", "[]", '"ready"', "ready", "\n"])
async def test_what_is_no_answer_at_all_is_a_failure_of_the_provider(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind, body: str
) -> None:
    add(desk, server, kind)
    server.will(Reply(wire=(body.encode(),), media="text/plain"))
    with pytest.raises(ExpertError) as failed:
        await say(desk.attempt("local"))
    assert failed.value.code in {"PROVIDER_DOWN", "CONNECTION"}
    assert str(failed.value).startswith("local ")


async def test_usage_in_every_chunk_is_charged_once(desk: ModelDesk, server: ModelServer) -> None:
    add(desk, server)
    said = Said("The trend is flat. " * 20, tokens=(1000, 50))
    server.will(Reply(wire=(as_openai(said, lambda text: [text[at : at + 9] for at in range(0, len(text), 9)]),)))
    attempt = desk.attempt("local")
    await say(attempt)
    assert [charge[2] for charge in attempt.charges] == [1050]
    assert [(call.tokens_in, call.tokens_out) for call in desk.calls()] == [(1000, 50)]


async def test_what_was_not_counted_is_unknown_and_so_is_its_cost(desk: ModelDesk, server: ModelServer) -> None:
    add(desk, server)
    for usage in (usage_of(None, None), usage_of("9", "4"), None, usage_of(1000, None)):
        server.will(Reply(wire=(sse(chunk({"content": FLAT}), chunk(finish="stop", usage=usage)),)))
        assert await say(desk.attempt("local")) == FLAT
    assert [call.tokens_in for call in desk.calls()] == [None, None, None, 1000]
    assert [(call.tokens_out, call.cost) for call in desk.calls()] == [(None, None)] * 4


async def test_tokens_of_thinking_are_in_the_call_log(desk: ModelDesk, server: ModelServer) -> None:
    add(desk, server)
    details = {"completion_tokens_details": {"reasoning_tokens": 5}, "prompt_tokens_details": {"cached_tokens": 3}}
    server.will(Reply(wire=(sse(chunk({"content": FLAT}), chunk(finish="stop", usage=usage_of(11, 7, **details))),)))
    await say(desk.attempt("local"))
    desk.providers.change("local", dialect="grok", by=TRADER)
    server.will(
        Reply(wire=(sse(chunk({"content": FLAT}), chunk(finish="stop", usage=usage_of(11, 7, reasoning_tokens=5))),))
    )
    await say(desk.attempt("local"))
    seen = [(call.tokens_in, call.tokens_out, call.tokens_cached, call.tokens_reasoning) for call in desk.calls()]
    assert seen == [(11, 7, 3, 5), (11, 12, None, 5)], "the second counts them beside its answer"


@tool
def look(symbol: str) -> str:
    """Look at a symbol."""
    return symbol


@pytest.mark.parametrize("kind", KINDS)
async def test_an_agent_thinks_looks_and_answers_without_its_thinking(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind
) -> None:
    add(desk, server, kind)
    first = Said("", "I should look.", (("look", '{"symbol": "AAPL"}'),))
    server.will(
        Reply(wire=(WIRES[kind](first, whole),)),
        Reply(wire=(WIRES[kind](Said(f"<think>I have seen it.</think>\n\n{FLAT}"), whole),)),
    )
    agent = create_agent(desk.attempt("local").models.chat("quick"), [look])
    said = await agent.ainvoke({"messages": [("user", "Look at AAPL")]})
    assert [message.text for message in said["messages"][1:]] == ["", "AAPL", FLAT]
    sent = json.dumps(server.asked[1].body["messages"])
    assert "I should look." in sent, "the server wants back what it thought before it called a tool"


async def test_another_provider_is_not_sent_the_first_ones_thinking(desk: ModelDesk, server: ModelServer) -> None:
    with model_server() as other:
        desk.add("first", f"{server.url}/v1")
        desk.add("second", f"{other.url}/v1")
        first = Said("", "I should look.", (("look", '{"symbol": "AAPL"}'),))
        server.will(Reply(wire=(as_openai(first),)), Reply(status=500))
        other.will(Reply(FLAT))
        agent = create_agent(desk.attempt("first", "second").models.chat("quick"), [look])
        said = await agent.ainvoke({"messages": [("user", "Look at AAPL")]})
    assert said["messages"][-1].text == FLAT
    assert "I should look." in json.dumps(server.asked[1].body)
    assert "I should look." not in json.dumps(other.asked[0].body)


async def test_the_one_corrective_question_says_what_was_wrong_and_repeats_no_thinking(
    desk: ModelDesk, server: ModelServer
) -> None:
    add(desk, server, structured={"fake": "json_mode"})
    bad = '{"action": "BUY", "confidence": 700}'
    server.will(
        Reply(f"<think>Secret musings.</think>{bad}" + " and so on" * 500), Reply(f"<think>{bad}</think>{GOOD}")
    )
    assert (await plan(desk.attempt("local"))).confidence == 70
    asked = " ".join(message["content"] for message in server.asked[1].body["messages"])
    assert "confidence: Input should be less than or equal to 100 (you said 700)" in asked
    assert bad in asked
    assert "Secret musings" not in asked
    assert len(asked) < 3_500, "what was said is shown in short"


async def test_thinking_without_an_end_is_no_answer_and_is_corrected(desk: ModelDesk, server: ModelServer) -> None:
    add(desk, server, structured={"fake": "json_mode"})
    server.will(Reply(f"<think>Maybe {GOOD}"), Reply(GOOD))
    assert (await plan(desk.attempt("local"))).action == "BUY"
    assert "its thinking has no end" in json.dumps(server.asked[1].body["messages"])
    server.will(Reply("<think>Hm."))
    with pytest.raises(ExpertError, match="its thinking has no end") as failed:
        await say(desk.attempt("local"))
    assert failed.value.code == "OUTPUT_INVALID"


async def test_thinking_survives_a_kill_with_the_answer_that_was_kept(desk: ModelDesk, server: ModelServer) -> None:
    add(desk, server)
    server.will(Reply(wire=(as_openai(Said(FLAT, "Hm.")),)))
    for number, trigger in ((1, Trigger.FIRST), (2, Trigger.RESCUE)):
        message = await attempt_of(desk, number, trigger).models.chat("quick").ainvoke("What do you think?")
        assert (message.text, message.additional_kwargs["thinking"]) == (FLAT, "Hm.")
    assert len(server.asked) == 1
