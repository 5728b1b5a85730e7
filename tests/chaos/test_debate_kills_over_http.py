"""Model calls under SIGKILL: by the provider's own count it is never asked again for an answer it gave."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from tests.chaos.harness import LOOK_AGAIN, Console, console_at, ended
from tests.debates import KEY, PRICES, money, write_research
from tests.fakes.debaters import Debaters
from tests.fakes.model_server import ModelServer, model_server
from tests.fakes.vendors import VENDORS
from tests.http import open_http
from tests.patience import CONSOLE_SECONDS
from tests.sql import ask, one

pytestmark = pytest.mark.chaos

# Whose call of which number is under way at the console's death: an analyst's behind its tool, and of those who follow.
KILLED_IN = (("news", 2), ("trader", 1), ("portfolio_manager", 1))
ANALYSTS_DONE = "SELECT COUNT(*) FROM analysis_step WHERE name LIKE '%analyst' AND status = 'completed'"
ONE_ANALYST = {f"{role}_analyst": False for role in ("fundamentals", "news", "sentiment")}
UNKNOWN = "SELECT COUNT(*) FROM model_call WHERE outcome = 'interrupted' AND cost IS NULL AND tokens_in IS NULL"
OUTCOMES = "SELECT outcome, COUNT(*) FROM model_call GROUP BY outcome"


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    """The provider, which outlives every console."""
    with model_server() as server:
        yield server


def test_a_provider_is_never_asked_again_for_an_answer_it_gave(tmp_path: Path, server: ModelServer) -> None:
    debaters = Debaters(server)
    research = write_research(tmp_path / "research")
    with console_at(tmp_path / "data", workers=2, research_dir=research) as console:
        (console.folder / "prices.csv").write_text(PRICES)
        debaters.hold(*KILLED_IN[0])
        console.start_cold()
        console.wait_until_ready()
        with open_http(f"{console.url}/api/v1") as http:
            analysis_id = begin(http, server.url)
        for role, number in KILLED_IN:
            assert debaters.held.wait(CONSOLE_SECONDS), f"{role} was not asked"
            if number > 1:
                until_others_reported(console)
            console.kill()
            following = KILLED_IN[KILLED_IN.index((role, number)) + 1 :]
            debaters.hold(*following[0]) if following else debaters.sensible()
            console.start()
            console.wait_until_ready()
        with open_http(f"{console.url}/api/v1") as http:
            assert ended(http, analysis_id)["status"] == "completed"
            total = http.get("/costs", params={"group_by": "analysis"}).raise_for_status().json()["total"]
        console.stop()
    answered = [asked for asked in server.asked if asked.whole]
    assert asked_again(server) == []
    assert Counter(dict(ask(console.database, OUTCOMES))) == {"answered": len(answered), "interrupted": len(KILLED_IN)}
    assert len(server.asked) == len(answered) + len(KILLED_IN)
    assert one(console.database, UNKNOWN) == len(KILLED_IN)
    tokens = [asked.reply.tokens for asked in answered if asked.reply]
    assert total["tokens_in"] == sum(tokens_in for tokens_in, _ in tokens)
    assert Decimal(total["cost"]) == sum((money(both) for both in tokens), Decimal(0))
    assert total["at_least"]


@pytest.mark.parametrize("dialect", ["deepseek", "anthropic", "ollama"])
def test_in_no_dialect_is_an_answer_paid_for_twice(tmp_path: Path, dialect: str) -> None:
    with model_server() as there, console_at(tmp_path / "data", workers=2) as console:
        debaters = Debaters(there)
        there.vendor = VENDORS[dialect]
        (console.folder / "prices.csv").write_text(PRICES)
        console.start()
        console.wait_until_ready()
        with open_http(f"{console.url}/api/v1") as http:
            debaters.hold("technical", 2)
            analysis_id = begin(http, there.url, dialect, **ONE_ANALYST)
        assert debaters.held.wait(CONSOLE_SECONDS), "the analyst was not asked again after its tool"
        console.kill()
        debaters.sensible()
        console.start()
        console.wait_until_ready()
        with open_http(f"{console.url}/api/v1") as http:
            found = ended(http, analysis_id)
            assert found["status"] == "completed", found["error_message"]
        console.stop()
    answered = [asked for asked in there.asked if asked.whole]
    assert asked_again(there) == []
    assert len(answered) == 2 + 8
    assert Counter(dict(ask(console.database, OUTCOMES))) == {"answered": len(answered), "interrupted": 1}


def begin(http: httpx.Client, url: str, dialect: str = "compatible", **settings: object) -> int:
    """Add the provider, configure a desk that asks it, submit one analysis and return its id."""
    kind = dialect if dialect in ("anthropic", "ollama") else "openai"
    address = f"{url}/v1" if kind == "openai" else url
    models = {"quick_model": "small", "deep_model": "large", "base_url": address, "key": KEY}
    http.post("/providers", json={"name": "lab", "kind": kind, "dialect": dialect, **models}).raise_for_status()
    chosen = {"providers": ["lab"], "call_retries": 0, **settings}
    desk = {"expert": "DebateDesk", "alias": "Debaters", "settings": chosen}
    instance = http.post("/expert-instances", json=desk).raise_for_status().json()["id"]
    wish = {"expert_instance_id": instance, "symbol": "MSFT"}
    return int(http.post("/analyses", json=wish).raise_for_status().json()["analysis_id"])


def until_others_reported(console: Console) -> None:
    """Return once the three analysts who speak beside the one that is held are done and written down."""
    deadline = time.monotonic() + CONSOLE_SECONDS
    while one(console.database, ANALYSTS_DONE) < 3:
        assert time.monotonic() < deadline, "the other analysts did not end"
        time.sleep(LOOK_AGAIN)


def asked_again(server: ModelServer) -> list[str]:
    """Return what was asked although the same had been asked before and answered to its end."""
    given: set[str] = set()
    again: list[str] = []
    for asked in server.asked:
        if asked.digest in given:
            again.append(asked.digest)
        if asked.whole:
            given.add(asked.digest)
    return again
