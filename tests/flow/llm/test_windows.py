"""Windows of models: told to Ollama, asked of servers, and proved against servers that cut in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import CallOutcome, ProviderKind
from tests.fakes.model_server import Asked, ModelServer, Reply, model_server, quarter, stock_ollama
from tests.flow.llm.model_desk import ModelDesk, say
from tests.platforms import TRADER

OLLAMA, OPENAI, ANTHROPIC = ProviderKind.OLLAMA, ProviderKind.OPENAI, ProviderKind.ANTHROPIC
NEWS = "Apple shares climbed 3% in early trading after quarterly revenue beat the estimates of 31 analysts. "
CHINESE = "苹果公司周三公布季度财报,营收同比增长百分之八,超出分析师预期,股价盘前上涨三个百分点。"
CODE = (
    "def volatility(bars: Bars) -> float:\n    return float(np.std(np.diff(np.log(bars.close)))) * math.sqrt(252)\n\n"
)
NUMBERS = json.dumps([{"session": f"2014-06-{day:02}", "close": 96.4375 + day / 7} for day in range(1, 29)], indent=1)


def long(text: str, tokens: int = 8000, characters: float = 4) -> str:
    """Return a text of about so many tokens."""
    return (text * (int(tokens * characters) // len(text) + 1))[: int(tokens * characters)]


def add(desk: ModelDesk, server: ModelServer, kind: ProviderKind = OPENAI, name: str = "local", **values: Any) -> None:
    """Add the server as a provider."""
    key = {"key": None} if kind is OLLAMA else {}
    desk.add(name, f"{server.url}/v1" if kind is OPENAI else server.url, kind, **{**key, **values})


def told(server: ModelServer) -> list[int]:
    """Return with how much Ollama was told to load its model, call by call."""
    return [asked.body["options"]["num_ctx"] for asked in server.asked]


@pytest.mark.parametrize("text", [NEWS, CHINESE, CODE, NUMBERS], ids=["news", "chinese", "code", "numbers"])
async def test_ollama_is_told_to_hold_question_and_answer(desk: ModelDesk, server: ModelServer, text: str) -> None:
    add(desk, server, OLLAMA)
    server.reads = stock_ollama()
    question = long(text, characters=1 if text is CHINESE else 4)
    assert await say(desk.attempt("local"), question) == "ready"
    assert told(server)[0] >= 1.25 * quarter(server.asked[0]) + 2000, "an estimate that is a fifth too low still fits"
    assert (server.asked[0].body["truncate"], server.asked[0].body["shift"]) == (False, False)


async def test_ollama_is_never_told_to_load_a_model_anew_for_a_shorter_question(
    desk: ModelDesk, server: ModelServer
) -> None:
    add(desk, server, OLLAMA)
    attempt = desk.attempt("local")
    for tokens in (200, 4000, 200, 4100):
        await say(attempt, long(NEWS, tokens))
    first, larger, *others = told(server)
    assert (first, others) == (4096, [larger, larger])


@pytest.mark.parametrize(
    "values", [{"windows": {"fake-mini": 6000}}, {"dialect_changes": {"window": 6000}}], ids=["model", "provider"]
)
async def test_a_window_that_a_person_set_is_what_ollama_is_told(
    desk: ModelDesk, server: ModelServer, values: dict[str, Any]
) -> None:
    server.says["/api/show"] = {"model_info": {"llama.context_length": 131072}}
    add(desk, server, OLLAMA, **values)
    await say(desk.attempt("local"), "A short question")
    assert (told(server), server.looked) == ([6000], [])


async def test_ollama_is_told_no_more_than_its_model_can_hold(desk: ModelDesk, server: ModelServer) -> None:
    server.says["/api/show"] = {"model_info": {"general.architecture": "llama", "llama.context_length": 5000}}
    add(desk, server, OLLAMA)
    attempt = desk.attempt("local")
    await say(attempt, long(NEWS, 2000))
    assert told(server) == [5000]
    with pytest.raises(ExpertError, match=r"and was not asked: .* holds 5,000 tokens \(as its server says\)") as failed:
        await say(attempt, long(NEWS, 8000))
    assert failed.value.code == "CONTEXT_OVERFLOW"
    assert "/providers" in str(failed.value)
    assert len(desk.calls()) == 1, "what cannot fit is not paid for"


CUTS: dict[str, tuple[ProviderKind, Callable[[Asked], int], Reply]] = {
    "an Ollama that heeds no num_ctx": (OLLAMA, lambda asked: min(4096, quarter(asked)), Reply("half of it")),
    "an Ollama whose model holds less": (OLLAMA, stock_ollama(2048), Reply("half of it")),
    "an Ollama that frees half of its window": (OLLAMA, lambda _: 2050, Reply("half of it")),
    "a server that cuts to 8,192": (OPENAI, lambda asked: min(8192, quarter(asked)), Reply("half of it")),
    "a vLLM with truncate_prompt_tokens": (OPENAI, lambda _: 3000, Reply("half of it")),
    "a router that leaves out the middle": (OPENAI, lambda _: 4001, Reply("half of it")),
    "a gateway in front of Claude": (ANTHROPIC, lambda _: 4096, Reply("half of it")),
    "one whose answer was cut too": (OPENAI, lambda _: 4096, Reply("half", finish="length")),
}


@pytest.mark.parametrize("case", CUTS)
async def test_an_answer_to_a_part_of_the_question_is_thrown_away(
    desk: ModelDesk, server: ModelServer, case: str
) -> None:
    kind, server.reads, reply = CUTS[case]
    server.will(reply)
    add(desk, server, kind)
    attempt = desk.attempt("local", call_retries=2)
    for _ in range(2):
        with pytest.raises(ExpertError, match="local's fake-mini read only a part of the question") as failed:
            await say(attempt, long(NEWS, 12_000))
        assert failed.value.code == "CONTEXT_OVERFLOW"
        assert "/providers" in str(failed.value)
    assert len(server.asked) == 2, "it is not repeated"
    assert desk.outcomes() == [CallOutcome.FAILED] * 2
    assert desk.calls()[0].tokens_in == server.reads(server.asked[0]), "what was cut was paid for all the same"


async def test_a_window_that_is_full_is_a_cut_even_when_it_is_no_round_number(
    desk: ModelDesk, server: ModelServer
) -> None:
    add(desk, server, windows={"fake-mini": 11_500})
    server.reads = lambda _: 11_499
    with pytest.raises(ExpertError, match="it counted 11,499 tokens in it, which is all that it holds"):
        await say(desk.attempt("local"), long(NEWS, 6000))


async def test_a_window_that_is_full_beside_the_answer_is_a_cut(desk: ModelDesk, server: ModelServer) -> None:
    add(desk, server, windows={"fake-mini": 11_500})
    server.reads = lambda _: 9500
    with pytest.raises(ExpertError, match="which is all that it holds beside the answer"):
        await say(desk.attempt("local"), long(NEWS, 6000))


async def test_ollama_that_ran_out_of_its_window_while_it_answered_is_noticed(
    desk: ModelDesk, server: ModelServer
) -> None:
    add(desk, server, OLLAMA)
    server.will(Reply("much", tokens=(3000, 1500)))
    with pytest.raises(ExpertError, match="threw the beginning away while it answered"):
        await say(desk.attempt("local", max_output_tokens=1500), long(NEWS, 900))


async def test_the_same_count_for_questions_that_differ_is_a_cut(desk: ModelDesk, server: ModelServer) -> None:
    add(desk, server)
    server.reads = lambda asked: min(4500, quarter(asked))
    attempt = desk.attempt("local")
    for tokens in (1000, 4000, 8000):
        await say(attempt, long(NEWS, tokens))
    with pytest.raises(ExpertError, match="as it did in another"):
        await say(attempt, long(NEWS, 10_000))


@pytest.mark.parametrize("kind", [OLLAMA, OPENAI, ANTHROPIC])
@pytest.mark.parametrize("text", [NEWS, CHINESE, CODE, NUMBERS], ids=["news", "chinese", "code", "numbers"])
@pytest.mark.parametrize("rate", [0.85, 1.0, 1.25])
async def test_a_server_that_reads_the_whole_is_believed(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind, text: str, rate: float
) -> None:
    add(desk, server, kind)
    # Of Chinese, tokenizers find from 0.5 to 1.5 in a character; of the others about one in four characters.
    each = rate if text is CHINESE else rate / 3.5
    server.reads = lambda asked: round(each * sum(len(str(one["content"])) for one in asked.body["messages"]))
    attempt = desk.attempt("local")
    for tokens in (500, 3000, 9000):
        assert await say(attempt, long(text, tokens, 1 if text is CHINESE else 4)) == "ready"


@pytest.mark.parametrize("kind", [OLLAMA, OPENAI, ANTHROPIC])
@pytest.mark.parametrize("said", [0, 1, 11])
async def test_a_server_that_does_not_count_cuts_nothing(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind, said: int
) -> None:
    add(desk, server, kind)
    server.reads = lambda _: said
    assert await say(desk.attempt("local"), long(NEWS)) == "ready"


async def test_a_server_that_always_says_the_same_cuts_nothing(desk: ModelDesk, server: ModelServer) -> None:
    add(desk, server)
    server.reads = lambda _: 1000
    attempt = desk.attempt("local")
    for tokens in (900, 1500, 5000, 9000):
        assert await say(attempt, long(NEWS, tokens)) == "ready"


async def test_a_small_window_is_noticed_once_the_server_was_heard_to_count(
    desk: ModelDesk, server: ModelServer
) -> None:
    add(desk, server)
    server.reads = lambda asked: min(700, quarter(asked))
    attempt = desk.attempt("local")
    for tokens in (100, 200):
        assert await say(attempt, long(NEWS, tokens)) == "ready"
    with pytest.raises(ExpertError, match="it counted 700 tokens in a question of at least"):
        await say(attempt, long(CODE, 3000))


@pytest.mark.parametrize("kind", [OLLAMA, OPENAI])
async def test_an_old_ollama_that_counts_only_what_is_new_cuts_nothing(
    desk: ModelDesk, server: ModelServer, kind: ProviderKind
) -> None:
    seen: list[str] = []

    def new_only(asked: Asked) -> int:
        text = json.dumps([one["content"] for one in asked.body["messages"]])
        known = max((len(_common(text, one)) for one in seen), default=0)
        seen.append(text)
        return (len(text) - known) // 4

    add(desk, server, kind)
    server.reads = new_only
    attempt = desk.attempt("local")
    talk = [long(NEWS, 6000)]
    for _ in range(3):
        assert await say(attempt, *talk) == "ready"
        assert await say(attempt, *talk) == "ready", "asked once more, all of it is known"
        talk.append(long(CODE, 400))


def _common(one: str, other: str) -> str:
    at = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))
    return one[:at]


async def test_a_conversation_that_outgrows_a_window_is_no_remembered_one(desk: ModelDesk, server: ModelServer) -> None:
    add(desk, server, OLLAMA)
    server.reads = lambda asked: min(3500, quarter(asked))
    attempt = desk.attempt("local")
    talk = [long(NEWS, 1500), long(CODE, 1500)]
    for turns in (1, 2):
        assert await say(attempt, *talk[:turns]) == "ready"
    with pytest.raises(ExpertError, match="read only a part"):
        await say(attempt, *talk, long(NEWS, 5000))


ASKED: dict[str, tuple[ProviderKind, str | None, str, Any]] = {
    "ollama": (OLLAMA, None, "/api/show", {"model_info": {"qwen2.context_length": 9000, "qwen2.block_count": 28}}),
    "vllm": (OPENAI, "vllm", "/v1/models", {"data": [{"id": "fake-mini", "max_model_len": 9000}]}),
    "openrouter": (
        OPENAI, "openrouter", "/v1/models",
        {"data": [{"id": "fake-mini", "context_length": 200000, "top_provider": {"context_length": 9000}}]},
    ),
    "together": (OPENAI, "together", "/v1/models", [{"id": "other"}, {"id": "fake-mini", "context_length": 9000}]),
    "groq": (OPENAI, "groq", "/v1/models", {"data": [{"id": "fake-mini", "context_window": 9000}]}),
    "mistral": (OPENAI, "mistral", "/v1/models", {"data": [{"id": "fake-mini", "max_context_length": 9000}]}),
    "llama.cpp": (OPENAI, "llamacpp", "/props", {"default_generation_settings": {"n_ctx": 9000}}),
    "lm studio": (
        OPENAI, "lmstudio", "/api/v0/models",
        {"data": [{"id": "fake-mini", "max_context_length": 131072, "loaded_context_length": 9000}]},
    ),
    "an unknown server": (OPENAI, None, "/props", {"n_ctx": 9000}),
    "an ollama spoken to as OpenAI": (
        OPENAI, None, "/api/ps", {"models": [{"name": "fake-mini:latest", "context_length": 9000}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ASKED)
async def test_a_server_is_asked_once_what_its_model_holds_and_that_is_remembered(
    desk: ModelDesk, server: ModelServer, case: str
) -> None:
    kind, dialect, path, said = ASKED[case]
    server.says[path] = said
    add(desk, server, kind, dialect=dialect)
    for _ in range(2):
        await say(desk.attempt("local"))
    assert server.looked.count(path) == 1
    provider = desk.providers.get("local")
    window = desk.providers.window(provider, "fake-mini")
    assert window is not None
    assert window.words == "9,000 tokens (as its server says)"
    assert provider.adaptations["fake-mini"][0].reason == "its server says so"
    with pytest.raises(ExpertError, match="holds 9,000 tokens"):
        await say(desk.attempt("local"), long(NEWS, 20_000))


NONSENSE = [
    [], "a page", {"data": None}, {"data": [{"id": "fake-mini", "context_length": "much"}]},
    {"model_info": ["a page"]},
    {"data": [{"id": "fake-mini", "context_length": True}]}, {"data": [{"id": "fake-mini", "max_model_len": 3}]},
]  # fmt: skip


@pytest.mark.parametrize("kind", [OPENAI, OLLAMA])
@pytest.mark.parametrize("said", NONSENSE)
async def test_what_makes_no_sense_is_no_window(
    desk: ModelDesk, server: ModelServer, said: Any, kind: ProviderKind
) -> None:
    server.says |= dict.fromkeys(("/v1/models", "/props", "/api/v0/models", "/api/ps", "/api/show"), said)
    add(desk, server, kind)
    assert await say(desk.attempt("local")) == "ready"
    assert desk.providers.window(desk.providers.get("local"), "fake-mini") is None


async def test_a_server_that_was_started_with_another_window_is_believed_anew(
    desk: ModelDesk, server: ModelServer
) -> None:
    server.says["/v1/models"] = {"data": [{"id": "fake-mini", "max_model_len": 9000}]}
    add(desk, server, dialect="vllm")
    await say(desk.attempt("local"))
    server.says["/v1/models"] = {"data": [{"id": "fake-mini", "max_model_len": 40_000}]}
    desk.desk.platform.models.gateway.close()
    assert await say(desk.attempt("local"), long(NEWS, 15_000)) == "ready"


@pytest.mark.parametrize("whole", [True, False])
async def test_a_question_too_long_for_one_provider_is_asked_of_the_next(
    desk: ModelDesk, server: ModelServer, whole: bool
) -> None:
    with model_server() as other:
        add(desk, server, name="first", **({"windows": {"fake-mini": 5000}} if whole else {}))
        add(desk, other, name="second")
        server.reads = lambda _: 4096
        attempt = desk.attempt("first", "second")
        assert await say(attempt, long(NEWS, 10_000)) == "ready"
        assert len(server.asked) == (0 if whole else 1)
    assert attempt.warnings[0].endswith("second was asked instead")


async def test_a_router_is_told_to_leave_out_nothing(desk: ModelDesk, server: ModelServer) -> None:
    add(desk, server, dialect="openrouter")
    await say(desk.attempt("local"))
    sent = server.asked[0].body
    assert (sent["transforms"], sent["plugins"]) == ([], [{"id": "context-compression", "enabled": False}])


async def test_what_is_told_of_a_removed_window_is_told_no_more(desk: ModelDesk, server: ModelServer) -> None:
    add(desk, server, OLLAMA, windows={"fake-mini": 6000})
    await say(desk.attempt("local"))
    desk.providers.change("local", windows=None, by=TRADER)
    await say(desk.attempt("local"))
    assert told(server) == [6000, 4096]
