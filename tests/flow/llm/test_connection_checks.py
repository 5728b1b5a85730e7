"""Connection test: tries all that an analysis uses, line by line, and proposes the dialect that works."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ba2_trade_platform.core.base.errors import Invalid, NotFound
from ba2_trade_platform.core.contracts.dialects import Adaptation
from ba2_trade_platform.core.contracts.model_checks import ConnectionTest, ModelCheck
from ba2_trade_platform.vocabulary import CallOutcome, ErrorCode, ModelCheckKind
from tests.fakes.model_server import Asked, ModelServer, Reply, model_server
from tests.fakes.obliging import obliging
from tests.flow.llm.model_desk import ModelDesk, model_desk
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A server that does all it is asked."""
    with model_server() as made:
        made.answers = obliging
        yield made


@pytest.fixture
def desk(tmp_path: Path, server: ModelServer) -> Iterator[ModelDesk]:
    """A desk whose provider `local` is that server."""
    with model_desk(tmp_path) as made:
        made.add("local", f"{server.url}/v1")
        yield made


def run_test(desk: ModelDesk, model: str | None = None) -> ConnectionTest:
    """Test the provider."""
    return desk.desk.platform.models.gateway.test("local", model, by=TRADER)


def lines(test: ConnectionTest) -> dict[str, tuple[bool | None, str]]:
    """Return what was found, by what was tried."""
    return {check.check.value: (check.ok, check.sentence) for check in test.checks}


def test_all_that_an_analysis_uses_is_tried(desk: ModelDesk, server: ModelServer) -> None:
    test = run_test(desk)
    assert (test.ok, test.sentence) == (True, "local works: text, tool call, structured answer, cancel")
    found = lines(test)
    assert found["text"] == (True, "answered: ready")
    assert found["tool"] == (True, "called a tool and answered with its result")
    assert found["structured"] == (True, "gave HOLD with all its fields")
    assert found["cancel"][0] is True
    assert found["window"] == (None, "not known: enter it on Providers")
    assert [asked.body["model"] for asked in server.asked] == [
        "fake-mini",
        "fake-mini",
        "fake-mini",
        "fake",
        "fake-mini",
    ]
    assert server.asked[-1].left.wait(EVENT_SECONDS)


def test_each_line_says_its_time_and_cost(desk: ModelDesk) -> None:
    test = run_test(desk)
    by_kind = {check.check: check for check in test.checks}
    assert by_kind[ModelCheckKind.TEXT].cost == Decimal("0.000018")
    assert by_kind[ModelCheckKind.TOOL].tokens == 36
    assert all(check.ms is not None for check in test.checks)
    assert (test.cost, test.at_least) == (Decimal("0.000072"), True)  # nobody knows what the cancelled call took


def test_a_cancelled_call_has_really_ended_when_its_line_says_so(desk: ModelDesk, server: ModelServer) -> None:
    server.answers = lambda asked: replace(obliging(asked), ends="endless" if "Count" in str(asked.body) else "well")
    outcomes: list[CallOutcome | None] = []

    def heard(check: ModelCheck) -> None:
        if check.check is ModelCheckKind.CANCEL:
            outcomes.append(desk.desk.platform.models.costs.calls(0)[0].outcome)

    test = desk.desk.platform.models.gateway.test("local", by=TRADER, heard=heard)
    assert (test.ok, outcomes) == (True, [CallOutcome.CANCELLED])


def test_where_no_word_is_answered_the_rest_is_not_tried(desk: ModelDesk, server: ModelServer) -> None:
    server.answers = lambda _: Reply(status=401, error="Wrong key")
    test = run_test(desk)
    assert (test.ok, test.code, test.sentence) == (False, ErrorCode.AUTH, "local refused the API key: Wrong key")
    assert lines(test)["tool"] == (None, "not tried")
    assert len(server.asked) == 1


def test_a_model_that_calls_no_tool_fails(desk: ModelDesk, server: ModelServer) -> None:
    def wordy(asked: Asked) -> Reply:
        return Reply("I would rather not") if "LastClose" in str(asked.body.get("tools")) else obliging(asked)

    server.answers = wordy
    test = run_test(desk)
    assert (test.ok, test.code) == (False, ErrorCode.OUTPUT_INVALID)
    assert test.sentence == "The model called no tool and said: I would rather not"
    assert lines(test)["structured"][0] is True


def test_nobody_waits_a_minute_for_the_limits_of_a_provider(desk: ModelDesk, server: ModelServer) -> None:
    desk.providers.change("local", by=TRADER, requests_per_minute=1)
    test = run_test(desk)
    assert (test.ok, test.code) == (False, ErrorCode.RATE_LIMIT)
    assert test.sentence.startswith("local was not asked: its limits on Providers leave no room for ")
    assert (lines(test)["text"][0], len(server.asked)) == (True, 1)


def test_a_cut_answer_is_no_answer(desk: ModelDesk, server: ModelServer) -> None:
    server.answers = lambda _: Reply("rea", finish="length")
    assert "cut off" in run_test(desk).sentence


def test_each_finding_is_told_when_it_is_known(desk: ModelDesk) -> None:
    heard: list[ModelCheck] = []
    test = desk.desk.platform.models.gateway.test("local", by=TRADER, heard=heard.append)
    assert heard == list(test.checks)


def test_what_was_found_is_kept_by_model(desk: ModelDesk) -> None:
    test = run_test(desk)
    kept = desk.desk.platform.models.checks.list()
    assert set(kept) == {("local", "fake-mini"), ("local", "fake")}
    assert list(kept["local", "fake"].checks) == [check for check in test.checks if check.model == "fake"]
    desk.providers.remove("local", by=TRADER)
    desk.add("first", "http://127.0.0.1:9/v1")
    desk.desk.platform.models.gateway.test("first", by=TRADER)
    assert set(desk.desk.platform.models.checks.list()) == {("first", "fake-mini")}


def test_another_model_is_asked_for_everything(desk: ModelDesk, server: ModelServer) -> None:
    assert run_test(desk, "other").ok
    assert {asked.body["model"] for asked in server.asked} == {"other"}
    with pytest.raises(Invalid):
        run_test(desk, " ")
    with pytest.raises(NotFound):
        desk.desk.platform.models.gateway.test("unheard-of", by=TRADER)


def test_a_cancelled_test_ends_its_calls(desk: ModelDesk, server: ModelServer) -> None:
    server.answers = lambda _: Reply(seconds=1000)
    test = desk.desk.platform.models.gateway.begin_test("local", by=TRADER)
    assert server.arrived.wait(EVENT_SECONDS)
    test.cancel()
    assert server.asked[0].left.wait(EVENT_SECONDS)


def test_what_a_model_refused_is_proposed_as_the_dialect(desk: ModelDesk) -> None:
    seen = Adaptation("token_field", "max_completion_tokens", "unknown field", datetime(2026, 1, 5, tzinfo=UTC))
    desk.providers.adapt("local", "fake", seen)
    offer = run_test(desk).proposal
    assert offer is not None
    assert (offer.dialect, dict(offer.dialect_changes)) == ("compatible", {"token_field": "max_completion_tokens"})
    desk.providers.change("local", by=TRADER, dialect=offer.dialect, dialect_changes=dict(offer.dialect_changes))
    assert run_test(desk).proposal is None
