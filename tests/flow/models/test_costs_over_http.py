"""Costs against the count of the server that answered: real client, real gateway, real call log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.rerun_plans import RerunOptions
from ba2_trade_platform.core.contracts.experts import AnalysisContext, Verdict
from ba2_trade_platform.core.contracts.language_models import ModelSettings
from ba2_trade_platform.vocabulary import Mode, ProviderKind, Status
from tests.fakes.callers import PRICES
from tests.fakes.experts import Catalog, Scripted, hold
from tests.fakes.model_server import ModelServer, Reply, model_server
from tests.platforms import TRADER, drain, make_platform, row, running, submit

TAKEN = Decimal("0.00032")  # 11 tokens in at 10 and 7 out at 30 USD a million: what the server says of each answer
TOKENS = 18


async def three_questions(context: AnalysisContext) -> Verdict:
    """Ask the quick model in three steps."""
    from langchain_core.messages import HumanMessage

    async def ask() -> str:
        answer = await context.models.chat("quick").ainvoke([HumanMessage("What do you think?")])
        return str(answer.text)

    for name in ("One", "Two", "Three"):
        await context.step(name, ask, inputs=name)
    return hold()


@contextmanager
def asking(folder: Path, **settings: Any) -> Iterator[tuple[Platform, ModelServer, int]]:
    """A console at work with an expert of three questions, and the server that it asks."""
    (folder / "prices.csv").write_text(PRICES.replace("dear", "*"))
    expert = Scripted("Asker", three_questions, asks=("lab",))
    expert.settings_model = ModelSettings
    with model_server() as server:
        platform = make_platform(folder, catalog=Catalog(expert))
        models = {"quick_model": "small", "deep_model": "large", "base_url": f"{server.url}/v1"}
        platform.models.providers.create("lab", ProviderKind.OPENAI, by=TRADER, key="sk-test-0123456789", **models)
        chosen = {"providers": ["lab"], "call_retries": 0, **settings}
        asker = platform.experts.create("Asker", "Asker", chosen, by=TRADER, max_retries=0).id
        with running(platform):
            yield platform, server, asker


def test_sums_are_what_the_server_counted_over_a_failure_and_its_resume(tmp_path: Path) -> None:
    with asking(tmp_path) as (platform, server, asker):
        server.will(Reply(), Reply(status=429, error="Slow down"), Reply())
        analysis_id = submit(platform, asker)
        drain(platform)
        assert row(platform, analysis_id).error_code == "RATE_LIMIT"
        platform.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(mode=Mode.RESUME))
        drain(platform)
        assert row(platform, analysis_id).status is Status.COMPLETED
        total = platform.models.costs.by("outcome").total
        assert total.calls == len(server.asked) == 4
        assert (total.tokens, total.cost, total.at_least) == (3 * TOKENS, 3 * TAKEN, False)
        newest, first = platform.monitoring.details.attempts(analysis_id)
        assert (first.cost, newest.cost) == (TAKEN, 2 * TAKEN)


def test_over_its_budget_nothing_more_is_asked_and_a_raised_one_goes_on(tmp_path: Path) -> None:
    with asking(tmp_path, budget_per_analysis_usd=0.0033, max_output_tokens=100) as (platform, server, asker):
        analysis_id = submit(platform, asker)
        drain(platform)
        assert (row(platform, analysis_id).error_code, len(server.asked)) == ("BUDGET", 1)
        settings = platform.experts.get(asker).settings | {"budget_per_analysis_usd": 0.01}
        platform.experts.update(asker, by=TRADER, settings=settings)
        platform.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(mode=Mode.RESUME))
        drain(platform)
        assert (row(platform, analysis_id).status, len(server.asked)) == (Status.COMPLETED, 3)


def test_somebody_elses_server_is_not_priced_like_openai(tmp_path: Path) -> None:
    with asking(tmp_path) as (platform, server, _):
        models = {"quick_model": "gpt-4o", "deep_model": "gpt-4o"}
        create = platform.models.providers.create
        create("proxy", ProviderKind.OPENAI, by=TRADER, base_url=f"{server.url}/v1", **models)
        create("ours", ProviderKind.OPENAI, by=TRADER, base_url="https://api.openai.com/v1", **models)
        assert platform.models.calls.price_of("proxy", "gpt-4o") is None
        assert platform.models.calls.price_of("ours", "gpt-4o").input == Decimal("2.50")
        assert platform.models.calls.price_of("lab", "gpt-4o").input == 10
