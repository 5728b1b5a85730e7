"""Turned away: accounts that are empty, keys that are wrong and quotas that are used up, through the real clients."""

from __future__ import annotations

import json

import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import ProviderKind
from tests.fakes.model_server import ModelServer, Reply
from tests.flow.llm.model_desk import ModelDesk, say

KINDS = [ProviderKind.OPENAI, ProviderKind.ANTHROPIC, ProviderKind.OLLAMA]
JSON, EVENTS = "application/json", "text/event-stream"


def raw(status: int, body: object, media_type: str = JSON) -> Reply:
    """Return an answer with this very body."""
    return Reply(status=status, raw=(media_type, body if isinstance(body, str) else json.dumps(body)))


def address(server: ModelServer, kind: ProviderKind) -> str:
    """Return where a provider of this kind is reached."""
    return f"{server.url}/v1" if kind is ProviderKind.OPENAI else server.url


EMPTY = {"error": {"code": "1113", "message": "Insufficient balance or no resource package. Please recharge."}}
ACCOUNTS = [
    (raw(429, EMPTY), "PERMISSION", "quota or credit is used up"),
    (raw(402, {"error": "Insufficient credits"}), "PERMISSION", "pay"),
    (raw(400, {"code": "Arrearage", "message": "Access denied."}), "PERMISSION", "pay"),
    (raw(401, {"error": {"message": "Who are you"}}), "AUTH", "refused the API key: Who are you"),
    (raw(400, {"error": {"message": "User location is not supported"}}), "PERMISSION", "country or region"),
    (raw(200, {"error": {"code": "1113", "message": "余额不足"}}), "PERMISSION", "余额不足"),
    (raw(200, "<html><title>Welcome</title></html>", "text/html"), "MODEL_NOT_FOUND", "check the address"),
    (raw(404, "404 page not found", "text/plain"), "MODEL_NOT_FOUND", "check the address"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("reply", "code", "words"), ACCOUNTS, ids=[f"{n}-{row[2]}" for n, row in enumerate(ACCOUNTS)])
async def test_a_provider_that_turns_the_account_away_is_asked_once_in_an_attempt(
    desk: ModelDesk, server: ModelServer, other: ModelServer, kind: ProviderKind, reply: Reply, code: str, words: str
) -> None:
    desk.add("first", address(server, kind), kind)
    desk.add("second", f"{other.url}/v1")
    server.will(reply)
    attempt = desk.attempt("first", "second", call_retries=2)
    for _ in range(3):
        assert await say(attempt) == "ready"
    assert (len(server.asked), len(other.asked)) == (1, 3)
    assert [call.error_code for call in desk.calls()] == [code, None, None, None]
    assert desk.calls()[0].cost == 0, "a refusal is not paid for"
    (warning,) = attempt.warnings
    assert words in warning
    assert warning.endswith("second was asked instead")
    await say(desk.attempt("first", "second"))
    assert len(server.asked) == 2, "the next attempt asks anew, for somebody may have paid"


async def test_with_nobody_else_to_ask_each_question_is_told_the_same_and_asks_nobody(
    desk: ModelDesk, server: ModelServer
) -> None:
    desk.add("first", f"{server.url}/v1")
    server.will(raw(429, EMPTY))
    attempt = desk.attempt("first", call_retries=2)
    for _ in range(3):
        with pytest.raises(ExpertError, match="pay: top up the account") as failed:
            await say(attempt)
        assert (failed.value.code, failed.value.provider) == ("PERMISSION", "first")
    assert len(server.asked) == 1


@pytest.mark.parametrize("wish", [(), (("retry-after", "2"),), (("retry-after", "7000"),)])
async def test_a_quota_of_the_day_is_one_models_and_nobody_waits_in_line_for_it(
    desk: ModelDesk, server: ModelServer, other: ModelServer, wish: tuple[tuple[str, str], ...]
) -> None:
    desk.add("first", f"{server.url}/v1", concurrency=1)
    desk.add("second", f"{other.url}/v1")
    daily = Reply(status=429, error="Rate limit reached on requests per day (RPD)", headers=wish)
    server.answers = lambda asked: daily if asked.body["model"] == "fake-mini" else Reply("the deep one")
    attempt = desk.attempt("first", "second", call_retries=2)
    assert [await say(attempt) for _ in range(2)] == ["ready", "ready"]
    assert (await attempt.models.chat("deep").ainvoke("Think")).text == "the deep one"
    assert [asked.body["model"] for asked in server.asked] == ["fake-mini", "fake"]
    with pytest.raises(ExpertError, match="quota of the day is used up") as failed:
        await say(desk.attempt("first", call_retries=2))
    assert failed.value.code == "RATE_LIMIT"
    assert (failed.value.retry_after or 0) >= 3600


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (raw(429, [EMPTY]), "PERMISSION"),
        (raw(503, "<html><title>503 Service Unavailable</title></html>", "text/html"), "PROVIDER_DOWN"),
        (raw(502, "", "text/plain"), "PROVIDER_DOWN"),
        (raw(500, '{"error": "' + "x" * 3_000_000 + '"}'), "PROVIDER_DOWN"),
        (raw(400, '{"error": {"message": "boom \\u0000 \\ud83d"}}'), "BAD_REQUEST"),
        (raw(422, {"detail": [{"loc": ["body", "x"], "msg": "Field required"}]}), "BAD_REQUEST"),
        (raw(400, {"errors": [{"message": "bad"}]}), "BAD_REQUEST"),
        (raw(200, {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}), "PERMISSION"),
        (raw(200, ""), "CONNECTION"),
    ],
    ids=lambda one: str(one)[:60],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_no_shape_of_an_error_is_a_fault_of_ours(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind, reply: Reply, code: str
) -> None:
    desk.add("some", address(server, kind), kind)
    server.will(reply)
    with pytest.raises(ExpertError) as failed:
        await say(desk.attempt("some"))
    assert failed.value.code == code
    assert len(str(failed.value)) < 700


PIECES = [
    ({"error": {"code": 1113, "message": "Insufficient balance"}}, "PERMISSION"),
    ({"error": "Server overloaded"}, "PROVIDER_DOWN"),
    ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}, "choices": None}, "PERMISSION"),
    ({"code": "Arrearage", "message": "Access denied."}, "PERMISSION"),
    ({"error": {"code": 429, "message": "Slow down"}}, "RATE_LIMIT"),
    ({"error": {"message": "maximum context length is 9", "code": None}}, "CONTEXT_OVERFLOW"),
]


@pytest.mark.parametrize(("piece", "code"), PIECES, ids=[row[1] + str(n) for n, row in enumerate(PIECES)])
@pytest.mark.parametrize("late", [False, True])
async def test_an_error_in_a_stream_keeps_its_meaning(
    desk: ModelDesk, server: ModelServer, piece: dict[str, object], code: str, late: bool
) -> None:
    said = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    begun = {**said, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hal"}, "finish_reason": None}]}
    lines = [*([begun] if late else []), piece]
    server.will(raw(200, "".join(f"data: {json.dumps(line)}\n\n" for line in lines), EVENTS))
    desk.add("some", f"{server.url}/v1")
    with pytest.raises(ExpertError) as failed:
        await say(desk.attempt("some"))
    assert failed.value.code == code


async def test_what_a_content_filter_turned_away_another_may_answer(
    desk: ModelDesk, server: ModelServer, other: ModelServer
) -> None:
    desk.add("first", f"{server.url}/v1")
    desk.add("second", f"{other.url}/v1")
    server.will(raw(400, {"code": "DataInspectionFailed", "message": "输入数据可能包含不当内容"}))
    attempt = desk.attempt("first", "second", call_retries=2)
    assert [await say(attempt), await say(attempt)] == ["ready", "ready"]
    assert len(server.asked) == 2, "another question may pass"
    assert "content filter turned the question away" in attempt.warnings[0]
