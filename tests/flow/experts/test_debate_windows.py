"""Debates longer than a window: shortened by the desk's rule, and said so wherever they are read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.vocabulary import Mode, ProviderKind
from tests.fakes.debaters import role_of, sensible
from tests.fakes.model_server import Asked, Reply, quarter, stock_ollama
from tests.flow.experts.debate_lab import DebateLab, debate_lab
from tests.platforms import TRADER

LONG = "The trend is flat and nothing stands out at all. " * 120
ORDER = "A large order was won by the company. " * 7
NEWS = "\n".join(f'2014-12-{day:02}T15:00:00Z,MSFT,"{ORDER}{day}",Wire' for day in range(18, 31))


def wordy(asked: Asked) -> Reply | None:
    """Answer at length where prose is asked for."""
    reply = sensible(asked)
    return None if reply.call else Reply(LONG, tokens=(quarter(asked), 1400))


def facts_of(asked: Asked) -> dict[str, Any]:
    """Return the facts that somebody was given."""
    text = next(one["content"] for one in asked.body["messages"] if "```facts\n" in str(one["content"]))
    found: dict[str, Any] = json.loads(text.split("```facts\n")[1].split("\n```")[0])
    return found


def of_role(lab: DebateLab, role: str) -> list[dict[str, Any]]:
    """Return what one role was told, call by call."""
    return [facts_of(asked) for asked in lab.first.server.asked if role_of(asked) == role]


def warnings(lab: DebateLab, analysis_id: int) -> Sequence[str]:
    """Return what the newest attempt was warned of."""
    return lab.platform.monitoring.details.attempts(analysis_id)[-1].warnings or ()


def window(tokens: int) -> dict[str, Any]:
    """Return the limits of a provider whose models hold so many tokens."""
    return {"windows": {"small": tokens, "large": tokens}}


def test_five_rounds_are_shortened_from_the_oldest_on_and_everybody_is_told(tmp_path: Path) -> None:
    with debate_lab(tmp_path, limits=window(12_000), debate_rounds=5, memory=False) as lab:
        lab.first.trouble = wordy
        analysis_id = lab.debate()
        assert lab.state(analysis_id) == ("completed", None)
        (told,) = of_role(lab, "research_manager")
        assert "characters left out]" in told["reports"]["bull"]
        assert told["left_out"].startswith("Not given to you, for it would not have fitted: ")
        assert len(told["reports"]["bull"]) < len(told["reports"]["bear_5"])
        assert told["numbers"] == of_role(lab, "technical")[0]["numbers"], "numbers stay whole"
        assert any("Research manager: lab's large holds 12,000 tokens" in one for one in warnings(lab, analysis_id))
        texts = {one.name: one.text for one in lab.platform.monitoring.details.outputs(analysis_id)}
        assert "Left out of the question, for the model's window: " in texts["Research manager"]
        assert "- Research manager: " in texts["Summary"].partition("Left out of questions")[2]


def test_the_oldest_news_is_left_out_and_no_report_says_more_than_it_read(tmp_path: Path) -> None:
    with debate_lab(tmp_path, limits=window(5500), memory=False) as lab:
        (tmp_path / "research" / "news.csv").write_text(f"published_at,symbol,headline,source\n{NEWS}\n")
        assert lab.state(lab.debate()) == ("completed", None)
        told = of_role(lab, "news")[0]
        assert 1 <= len(told["articles"]) < 13
        assert told["articles"][0]["published_at"].startswith("2014-12-30")
        assert "oldest of 13 articles" in told["left_out"]


def test_a_whole_debate_stays_whole_where_it_fits(tmp_path: Path) -> None:
    with debate_lab(tmp_path, limits=window(100_000), debate_rounds=2) as lab:
        lab.first.trouble = wordy
        analysis_id = lab.debate()
        assert lab.state(analysis_id) == ("completed", None)
        assert not any("left_out" in facts_of(asked) for asked in lab.first.server.asked)
        assert not any("lacks" in one for one in warnings(lab, analysis_id))


def test_a_question_that_no_rule_makes_fit_is_not_paid_for_and_a_larger_window_resumes_it(tmp_path: Path) -> None:
    with debate_lab(tmp_path, limits=window(2500), memory=False) as lab:
        analysis_id = lab.debate()
        assert lab.state(analysis_id) == ("failed", "CONTEXT_OVERFLOW")
        assert lab.first.server.asked == []
        lab.platform.models.providers.change("lab", windows=window(40_000)["windows"], by=TRADER)
        lab.again(analysis_id)
        assert lab.state(analysis_id) == ("completed", None)


def test_a_provider_that_holds_more_is_asked_with_the_whole_question(tmp_path: Path) -> None:
    with debate_lab(tmp_path, limits=window(2500), memory=False, providers=["lab", "lab-two"]) as lab:
        lab.platform.models.providers.change("lab-two", windows=window(40_000)["windows"], by=TRADER)
        assert lab.state(lab.debate()) == ("completed", None)
        assert lab.first.server.asked == []
        assert not any("left_out" in facts_of(asked) for asked in lab.second.server.asked)


def test_a_window_that_has_changed_pays_for_nothing_again(tmp_path: Path) -> None:
    with debate_lab(tmp_path, limits=window(12_000), debate_rounds=2, memory=False) as lab:
        lab.first.trouble = wordy
        lab.first.fail("portfolio_manager", 1, Reply(status=500, error="Down"))
        trouble = lab.first.trouble
        lab.first.trouble = lambda asked: trouble(asked) or wordy(asked)
        analysis_id = lab.debate()
        assert lab.state(analysis_id) == ("failed", "PROVIDER_DOWN")
        lab.first.trouble = wordy
        lab.platform.models.providers.change("lab", windows=window(30_000)["windows"], by=TRADER)
        assert lab.again(analysis_id, Mode.RESUME) == {"portfolio_manager": 1}
        assert lab.state(analysis_id) == ("completed", None)


def test_an_analyst_that_reads_much_by_its_tools_goes_on_within_the_window(tmp_path: Path) -> None:
    def asks_much(asked: Asked) -> Reply | None:
        results = sum(one["role"] == "tool" for one in asked.body["messages"])
        if role_of(asked) != "technical" or results >= 4:
            return None
        return Reply(call=("price_history", '{"sessions": 60}'), tokens=(quarter(asked), 30))

    with debate_lab(tmp_path, limits=window(14_000), memory=False, fundamentals_analyst=False) as lab:
        lab.first.trouble = asks_much
        assert lab.state(lab.debate()) == ("completed", None)
        calls = [asked for asked in lab.first.server.asked if role_of(asked) == "technical"]
        results = [str(one["content"]) for one in calls[-1].body["messages"] if one["role"] == "tool"]
        assert ["characters left out]" in one for one in results] == [True, True, True, False]
        assert "results of tools" in facts_of(calls[-1])["left_out"]
        assert "left_out" not in facts_of(calls[0])


@pytest.mark.parametrize("heeds", [True, False])
def test_a_stock_ollama_reads_the_whole_debate_or_the_debate_fails(tmp_path: Path, heeds: bool) -> None:
    with debate_lab(tmp_path, providers=["llama"], debate_rounds=2, memory=False) as lab:
        given = {"quick_model": "small", "deep_model": "large", "base_url": lab.first.server.url}
        lab.platform.models.providers.create("llama", ProviderKind.OLLAMA, by=TRADER, **given)
        server = lab.first.server
        server.reads = stock_ollama() if heeds else lambda asked: min(4096, quarter(asked))
        server.answers = _ollama_answer
        analysis_id = lab.debate()
        if heeds:
            assert lab.state(analysis_id) == ("completed", None)
            assert all(asked.body["options"]["num_ctx"] > quarter(asked) for asked in server.asked)
        else:
            assert lab.state(analysis_id) == ("failed", "CONTEXT_OVERFLOW")
            assert lab.platform.monitoring.details.recommendation(analysis_id) is None


DECISION = {
    "action": "HOLD", "confidence": 61, "expected_profit_percent": 0, "target_price": None, "stop_price": None,
    "horizon": "medium_term", "risk": "medium", "summary": "Nothing speaks for acting now.",
    "reasons": [{"claim": "The trend is flat", "evidence": "technical report"}],
}  # fmt: skip


def _ollama_answer(asked: Asked) -> Reply:
    return Reply(json.dumps(DECISION) if asked.body.get("format") else LONG)
