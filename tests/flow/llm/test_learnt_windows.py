"""Learnt windows: named by a refusal, remembered with its date, and held against each further question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.model_windows import Shortened
from ba2_trade_platform.vocabulary import CallOutcome
from tests.fakes.model_server import Asked, ModelServer, Reply, quarter
from tests.flow.llm.model_desk import ModelDesk, say
from tests.flow.llm.test_windows import NEWS, add, long
from tests.platforms import TRADER

FAILED, ANSWERED = CallOutcome.FAILED, CallOutcome.ANSWERED


def holding(tokens: int) -> Callable[[Asked], Reply]:
    """Return how a server answers that holds so many tokens and says so to whoever asks more."""
    words = f"This model's maximum context length is {tokens} tokens. Please reduce the length of the messages."

    def answer(asked: Asked) -> Reply:
        whole = quarter(asked) + asked.body["max_tokens"] <= tokens
        return Reply() if whole else Reply(status=400, error=words, code="context_length_exceeded")

    return answer


async def test_a_window_is_learnt_from_a_refusal_and_forgotten_when_told(desk: ModelDesk, server: ModelServer) -> None:
    server.answers = holding(9000)
    add(desk, server)
    first = desk.attempt("local")
    with pytest.raises(ExpertError, match=r"holds 9,000 tokens \(as its server says\)"):
        await say(first, long(NEWS, 20_000))
    assert first.warnings[0].startswith("local's fake-mini is asked with 9,000 tokens of question and answer at most")
    (seen,) = desk.providers.get("local").adaptations["fake-mini"]
    assert "maximum context length is 9000 tokens" in seen.reason
    with pytest.raises(ExpertError, match="was not asked"):
        await say(desk.attempt("local"), long(NEWS, 20_000))
    assert await say(desk.attempt("local")) == "ready"
    assert len(server.asked) == 2
    desk.providers.forget_adaptations("local", "fake-mini", by=TRADER)
    with pytest.raises(ExpertError):
        await say(desk.attempt("local"), long(NEWS, 20_000))
    assert len(server.asked) == 3


async def test_a_question_is_shortened_to_the_window_that_its_refusal_named(
    desk: ModelDesk, server: ModelServer
) -> None:
    server.answers = holding(9000)
    server.says["/v1/models"] = {"data": [{"id": "fake-mini", "max_model_len": 131_072}]}
    add(desk, server)

    def halved(messages: Any, fits: Any) -> Shortened:
        return Shortened([HumanMessage(long(NEWS, 4000))], ("a half",))

    attempt = desk.attempt("local")
    for _ in range(2):
        answer = await attempt.models.chat("quick", halved).ainvoke([HumanMessage(long(NEWS, 20_000))])
        assert answer.text == "ready"
    assert [call.outcome for call in desk.calls()] == [FAILED, ANSWERED, ANSWERED]
    window = desk.providers.window(desk.providers.get("local"), "fake-mini")
    assert window is not None
    assert window.tokens == 9000


async def test_what_a_person_set_is_not_changed_by_a_refusal(desk: ModelDesk, server: ModelServer) -> None:
    server.answers = holding(9000)
    add(desk, server, windows={"fake-mini": 50_000})
    with pytest.raises(ExpertError, match="maximum context length is 9000 tokens"):
        await say(desk.attempt("local"), long(NEWS, 20_000))
    assert (len(server.asked), desk.providers.get("local").adaptations) == (1, {})
