"""Money: costs equal the server's own count at its vendor's prices, for each kind of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from ba2_trade_platform.core.contracts.language_models import CallEnd, CallStart
from ba2_trade_platform.core.models.call_log import CallLog
from ba2_trade_platform.vocabulary import CallOutcome, ProviderKind
from tests.fakes.model_server import ModelServer, Reply, model_server
from tests.flow.llm.model_desk import ModelDesk, model_desk, say

HEAD = "provider,model,valid_from,input,cached,output,source,cache_write,reasoning\n"
DEAR = "local,*,2014-01-01,10,1,30,,12.5,40\n"
REPLIES = [
    Reply(tokens=(1000, 100)),
    Reply(tokens=(1000, 100), cached=(400, 0)),
    Reply(tokens=(1000, 100), cached=(400, 250)),
    Reply(tokens=(5000, 900), cached=(0, 5000), reasoning=800),
]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ModelDesk]:
    """The services that model calls need."""
    with model_desk(tmp_path) as desk:
        (tmp_path / "prices.csv").write_text(HEAD + DEAR)
        yield desk


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A provider that counts."""
    with model_server() as server:
        yield server


def price(reply: Reply, kind: ProviderKind) -> Decimal:
    """Return what the server would charge for this answer."""
    (tokens_in, tokens_out), (read, written), thought = reply.tokens, reply.cached, reply.reasoning
    if kind is not ProviderKind.ANTHROPIC:
        written = 0  # nobody else charges for it, or says it
    if kind is not ProviderKind.OPENAI:
        thought = 0  # counted among the others
    if kind is ProviderKind.OLLAMA:
        read = 0
    fresh = tokens_in - read - written
    return Decimal(fresh * 10 + read + written * Decimal("12.5") + (tokens_out - thought) * 30 + thought * 40) / 10**6


@pytest.mark.parametrize("kind", [ProviderKind.OPENAI, ProviderKind.ANTHROPIC, ProviderKind.OLLAMA])
async def test_the_sum_of_costs_is_what_the_server_charges(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind
) -> None:
    desk.add("local", f"{server.url}/v1" if kind is ProviderKind.OPENAI else server.url, kind)
    server.will(*REPLIES)
    attempt = desk.attempt("local")
    for _ in REPLIES:
        await say(attempt)
    charged = [price(reply, kind) for reply in REPLIES]
    assert [call.cost for call in desk.calls()] == charged
    assert sum(charge[3] for charge in attempt.charges) == sum(charged)
    total = desk.desk.platform.models.costs.by("provider").total
    assert (total.cost, total.at_least) == (sum(charged), False)


async def test_what_a_dear_kind_of_tokens_may_cost_is_reserved(desk: ModelDesk) -> None:
    calls: CallLog = desk.desk.platform.models.calls
    start = CallStart(1, 1, 1, "AAPL", None, "local", "m", 1000, 1000)
    call_id = calls.begin(start)
    (call,) = desk.calls()
    assert call.reserved == Decimal("0.0525"), "1,000 written into the cache, 1,000 thought"
    calls.end(call_id, CallEnd(CallOutcome.ANSWERED, 1000, 1000, tokens_written=1000, tokens_reasoning=1000))
    assert desk.calls()[0].cost == Decimal("0.0525")


@pytest.mark.parametrize("missing", [{}, {"tokens_in": 5}, {"tokens_out": 5}])
async def test_a_call_without_a_count_makes_every_sum_an_at_least(desk: ModelDesk, missing: dict[str, int]) -> None:
    models = desk.desk.platform.models
    analysis_id = desk.desk.submit(desk.desk.expert())
    for end in (CallEnd(CallOutcome.ANSWERED, 1000, 100), CallEnd(CallOutcome.ANSWERED, **missing)):
        models.calls.end(models.calls.begin(CallStart(analysis_id, 1, 1, "AAPL", "Bull", "local", "m", 10, 10)), end)
    (attempt,) = desk.desk.platform.monitoring.details.attempts(analysis_id)
    assert (attempt.cost, attempt.at_least, attempt.tokens_at_least) == (Decimal("0.013"), True, True)
    assert models.costs.by("analysis").groups[0].spend.at_least
    found = models.costs.read("7d")
    assert all(spend.at_least and spend.tokens_at_least for spend in (found.today, found.week, found.total))
    assert found.dearest[0].spend.at_least
    assert "at the most that calls whose cost is not known may have taken" in found.budget.sentence
