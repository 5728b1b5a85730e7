"""Error words: the meaning of each vendor's refusals, in all their shapes, and the wishes to wait in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ba2_trade_platform.core.models.dialects import BY_NAME
from ba2_trade_platform.llm.errors.said import Said, read_error
from ba2_trade_platform.llm.errors.waits import retry_after
from ba2_trade_platform.llm.errors.words import find, table
from ba2_trade_platform.llm.failures import ProviderError, explain

NOW = datetime(2026, 11, 30, 6, tzinfo=UTC)


class TurnedAwayError(Exception):
    """What the clients raise for a bad status: it holds the answer."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"Error code: {response.status_code}")
        self.response = response


class PieceError(Exception):
    """What a client raises for an error in the midst of a stream."""

    def __init__(self, body: object) -> None:
        super().__init__("An error occurred during streaming")
        self.body = body


PieceError.__name__ = "APIError"


def turned_away(status: int, body: object, headers: dict[str, str] | None = None, vendor: str = "") -> ProviderError:
    """Return what becomes of an answer with this status and body."""
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    error = TurnedAwayError(httpx.Response(status, content=content, headers=headers))
    explained = explain(error, "lab", "m1", "a-secret-word", began=False, vendor=vendor)
    assert explained is not None
    return explained


def openai(message: str, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    """Return an error as OpenAI and most others write it."""
    return {"error": {"message": message, "type": kind, "code": code, "param": None}}


def gemini(message: str, status: str, *details: dict[str, Any], code: int = 429) -> list[dict[str, Any]]:
    """Return an error as Gemini's OpenAI endpoint writes it: in a list."""
    return [{"error": {"code": code, "message": message, "status": status, "details": list(details)}}]


def quota(limit: str) -> dict[str, Any]:
    """Return which of its quotas Gemini means."""
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": limit}]}


PLAN = "You exceeded your current quota, please check your plan and billing details."
CASES: list[tuple[str, str, int, object]] = [
    ("empty_account", "openai", 429, openai(PLAN, "insufficient_quota", "insufficient_quota")),
    ("empty_account", "openai", 429, openai(PLAN)),
    ("empty_account", "openai", 400, openai("Billing hard limit has been reached", "billing_hard_limit_reached")),
    ("empty_account", "glm", 429, {"error": {"code": "1113", "message": "余额不足或无可用资源包,请充值。"}}),
    ("empty_account", "glm", 429, {"error": {"code": 1113, "message": "Insufficient balance. Please recharge."}}),
    ("empty_account", "glm", 429, {"error": {"message": "您的账户已欠费,请充值后重试"}}),
    ("empty_account", "glm", 429, {"error": {"code": "1309", "message": "您的 GLM Coding Plan 套餐已到期"}}),
    ("empty_account", "qwen", 400, openai("make sure your account is in good standing.", "Arrearage")),
    ("empty_account", "qwen", 400, {"code": "Arrearage", "message": "Access denied.", "request_id": "x"}),
    (
        "empty_account", "qwen", 403,
        openai("The free tier of the model has been exhausted.", "AllocationQuota.FreeTierOnly"),
    ),
    (
        "empty_account", "anthropic", 400,
        {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}},
    ),
    ("empty_account", "deepseek", 402, openai("Insufficient Balance", "invalid_request_error", "unknown_error")),
    ("empty_account", "kimi", 429, openai("Your account is suspended", None, "exceeded_current_quota_error")),
    (
        "empty_account", "grok", 403,
        {"code": "The caller does not have permission", "error": "Your team has used all available credits"},
    ),
    ("empty_account", "grok", 403, {"error": "Your newly created team doesn't have any credits or licenses yet."}),
    ("empty_account", "openrouter", 402, {"error": {"code": 402, "message": "Insufficient credits"}}),
    ("empty_account", "openrouter", 403, {"error": {"code": 403, "message": "Key limit exceeded (total limit)."}}),
    ("empty_account", "gemini", 429, gemini("Your prepayment credits are depleted.", "RESOURCE_EXHAUSTED")),
    (
        "empty_account", "gemini", 429,
        gemini(
            f"{PLAN} * Quota exceeded for metric: googleapis.com/generate_content_free_tier_requests,"
            " limit: 0, model: gemini-3-pro",
            "RESOURCE_EXHAUSTED",
        ),
    ),
    ("empty_account", "fireworks", 412, openai("Account x is suspended due to failure to pay past invoices.")),
    ("empty_account", "together", 402, openai("Credit limit exceeded, please navigate to billing.", "credit_limit")),
    ("empty_account", "nvidia", 402, {"detail": "Cloud credits expired - Please contact NVIDIA representatives"}),
    ("empty_account", "minimax", 200, {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
    ("empty_account", "compatible", 403, {"code": 30001, "message": "Sorry, your account balance is insufficient"}),
    ("empty_account", "compatible", 402, ""),
    ("locked_account", "anthropic", 403, openai("This organization has been disabled.", None, "permission_error")),
    ("locked_account", "glm", 429, {"error": {"code": "1121", "message": "账户存违规行为,账号已被锁定"}}),
    ("wrong_key", "openai", 401, openai("Incorrect API key provided: sk-abc***", "invalid_api_key")),
    ("wrong_key", "gemini", 400, gemini("API key not valid. Please pass a valid one.", "INVALID_ARGUMENT", code=400)),
    ("wrong_key", "gemini", 403, gemini("Your API key was reported as leaked.", "PERMISSION_DENIED", code=403)),
    ("wrong_key", "grok", 400, {"code": "invalid argument", "error": "Incorrect API key provided"}),
    ("wrong_key", "qwen", 401, {"code": "InvalidApiKey", "message": "Invalid API-key provided."}),
    ("wrong_key", "glm", 200, {"error": {"code": "1002", "message": "Authentication Token 非法"}}),
    ("wrong_key", "minimax", 200, {"base_resp": {"status_code": 1004, "status_msg": "login fail"}}),
    ("wrong_key", "mistral", 401, {"detail": "Unauthorized"}),
    ("wrong_key", "compatible", 400, openai("令牌无效,请检查")),
    ("region", "openai", 403, openai("Not here", "unsupported_country_region_territory", "request_forbidden")),
    (
        "region", "gemini", 400,
        gemini("User location is not supported for the API use.", "FAILED_PRECONDITION", code=400),
    ),
    ("region", "openrouter", 403, openai("This model is not available in your region.")),
    ("region", "anthropic", 403, "<html><title>Access denied: error 1009</title>banned the country or region</html>"),
    ("region", "compatible", 403, openai("您所在的地区不支持该服务")),
    ("not_allowed", "compatible", 403, "<html><head><title>Access denied | Cloudflare 1020</title></head></html>"),
    ("not_allowed", "glm", 429, {"error": {"code": "1311", "message": "当前订阅套餐暂未开放glm-5权限"}}),
    ("overflow", "openai", 400, openai("maximum context length is 8192 tokens.", "context_length_exceeded")),
    ("overflow", "openai", 429, openai("Request too large for gpt-4o on tokens per min (TPM): Limit 3, Requested 9.")),
    ("overflow", "groq", 413, openai("Request too large for model `x` on tokens per minute", "rate_limit_exceeded")),
    ("overflow", "anthropic", 400, openai("prompt is too long: 213462 tokens > 200000 maximum")),
    ("overflow", "gemini", 400, gemini("The input token count (9) exceeds the maximum number of tokens", "", code=400)),
    ("overflow", "qwen", 400, openai("Range of input length should be [1, 30720]", "invalid_parameter_error")),
    ("overflow", "glm", 400, {"error": {"code": "1261", "message": "Prompt 超长"}}),
    ("overflow", "kimi", 400, openai("Invalid request: Your request exceeded model token limit: 262144")),
    (
        "overflow", "llamacpp", 400,
        {"error": {"code": 400, "message": "the request exceeds the available context size", "n_ctx": 4096}},
    ),
    ("overflow", "vllm", 400, {"object": "error", "message": "Please reduce the length of the messages.", "code": 400}),
    ("overflow", "lmstudio", 400, {"error": "Trying to keep the first 9 tokens when context the overflows."}),
    ("overflow", "ollama", 400, {"error": "the input length exceeds the context length"}),
    ("overflow", "grok", 400, {"error": "This model's maximum prompt length is 131072 but the request has 200000."}),
    ("overflow", "compatible", 400, openai("输入内容过长,超过模型最大长度限制")),
    ("overflow", "compatible", 413, "<html><title>413 Request Entity Too Large</title></html>"),
    (
        "daily_quota", "gemini", 429,
        gemini(PLAN, "RESOURCE_EXHAUSTED", quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")),
    ),
    ("daily_quota", "groq", 429, openai("Rate limit reached on tokens per day (TPD): Limit 1", "rate_limit_exceeded")),
    ("daily_quota", "openai", 429, openai("Rate limit reached on requests per day (RPD)", "rate_limit_exceeded")),
    ("daily_quota", "openrouter", 429, openai("Rate limit exceeded: free-models-per-day. Add 10 credits", "429")),
    ("daily_quota", "glm", 429, {"error": {"code": "1308", "message": "已达到 5 小时 的使用上限"}}),
    ("daily_quota", "glm", 429, {"error": {"code": "1304", "message": "该 API 已达今日调用次数限额"}}),
    ("daily_quota", "kimi", 429, openai("You've reached your usage limit for this period")),
    ("daily_quota", "compatible", 429, {"message": "daily request limit reached"}),
    (
        "slow_down", "gemini", 429,
        gemini(PLAN, "RESOURCE_EXHAUSTED", quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")),
    ),
    ("slow_down", "qwen", 429, openai(PLAN, "insufficient_quota", "insufficient_quota")),
    ("slow_down", "qwen", 429, {"code": "Throttling.AllocationQuota", "message": "Allocated quota exceeded"}),
    ("slow_down", "openai", 429, openai("requests per min. Add a payment method", "rate_limit_exceeded")),
    ("slow_down", "glm", 429, {"error": {"code": "1302", "message": "您当前使用该 API 的并发数过高"}}),
    ("slow_down", "compatible", 429, ""),
    ("overload", "anthropic", 529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    ("overload", "kimi", 429, openai("The engine is currently overloaded", None, "engine_overloaded_error")),
    ("overload", "glm", 429, {"error": {"code": "1305", "message": "该 API 已触发流量限制"}}),
    ("overload", "gemini", 503, gemini("The model is overloaded. Please try again later.", "UNAVAILABLE", code=503)),
    ("overload", "compatible", 503, "no healthy upstream"),
    ("overload", "compatible", 500, {"error": {"message": "当前分组上游负载已饱和,请稍后再试"}}),
    ("loading", "llamacpp", 503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}),
    ("loading", "nvidia", 503, {"detail": "Service is not ready: the model is still loading"}),
    ("maintenance", "compatible", 503, "<html><body><h1>Down for maintenance</h1></body></html>"),
    ("maintenance", "compatible", 503, {"message": "系统维护中"}),
    ("down", "compatible", 502, "<html><head><title>502 Bad Gateway</title></head></html>"),
    ("down", "compatible", 500, b"\xff\xfe\x00"),
    ("down", "openrouter", 200, {"error": {"code": 502, "message": "Provider disconnected"}}),
    ("moderation", "qwen", 400, {"code": "DataInspectionFailed", "message": "输入数据可能包含不当内容"}),
    ("moderation", "glm", 400, {"error": {"code": "1301", "message": "输入或生成内容可能包含不安全或敏感内容"}}),
    (
        "moderation", "azure", 400,
        {"error": {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}, "message": "No"}},
    ),
    ("moderation", "deepseek", 400, openai("Content Exists Risk")),
    ("moderation", "gemini", 400, gemini("blocked", "PROHIBITED_CONTENT", code=400)),
    ("moderation", "openrouter", 403, openai("Your input was flagged")),
    ("no_model", "openai", 404, openai("The model `x` does not exist or you do not have access", "model_not_found")),
    ("no_model", "ollama", 404, {"error": "model 'llama9' not found, try pulling it first"}),
    ("no_model", "qwen", 400, openai("Model not exist.", "InvalidParameter")),
    ("no_model", "glm", 400, {"error": {"code": "1211", "message": "模型不存在,请检查模型代码。"}}),
    ("no_model", "mistral", 400, {"message": "Invalid model: mistral-huge", "type": "invalid_model", "code": "1500"}),
    ("no_model", "openrouter", 400, openai("x/y is not a valid model ID")),
    ("no_model", "groq", 400, openai("The model `x` has been decommissioned", "model_decommissioned")),
    ("no_address", "llamacpp", 404, "404 page not found"),
    ("no_address", "compatible", 404, {"detail": "Not Found"}),
    ("no_address", "compatible", 404, "<html><head><title>404 Not Found</title></head></html>"),
    ("no_address", "lmstudio", 200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}),
    ("bad_request", "openai", 400, openai("'temperature' does not support 0.2", "unsupported_value")),
    ("bad_request", "openrouter", 404, openai("No endpoints found that support tool use.")),
    ("bad_request", "ollama", 400, {"error": "registry.ollama.ai/library/gemma:2b does not support tools"}),
    ("bad_request", "vllm", 422, {"detail": [{"loc": ["body", "n"], "msg": "Extra inputs are not permitted"}]}),
    ("bad_request", "compatible", 400, openai("See https://platform.openai.com/account/billing/insufficient-balance")),
    (
        "bad_request", "compatible", 422,
        {"detail": [{"loc": ["body", 0], "msg": "Field required", "input": "余额不足 insufficient balance per day"}]},
    ),
    ("bad_request", "compatible", 400, openai("Unknown word")),
    ("bad_request", "compatible", 400, {"errors": [{"message": "bad top_p"}]}),
    ("bad_request", "compatible", 400, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("meaning", "vendor", "status", "body"), CASES, ids=[f"{n}-{row[1]}-{row[0]}" for n, row in enumerate(CASES)]
)
def test_what_a_vendor_says_is_understood(meaning: str, vendor: str, status: int, body: object) -> None:
    if status == 200:  # in the midst of a stream
        error = explain(PieceError(body), "lab", "m1", None, began=False, vendor=vendor)
        assert error is not None
    else:
        error = turned_away(status, body, vendor=vendor)
    assert error.meaning.name == meaning
    assert error.code is error.meaning.code
    assert "lab" in str(error)


@pytest.mark.parametrize("row", table(), ids=lambda row: f"{row.vendor}-{row.meaning.name}-{row.example[:20]}")
def test_each_line_of_the_table_is_the_first_that_fits_its_own_example(row: Any) -> None:
    said = Said(min(row.statuses, default=400), set(row.codes), [row.example])
    assert find(said, row.vendor) is row.meaning
    assert row.vendor in {*BY_NAME, "any", "minimax"}


def test_an_aggregators_word_for_it_is_looked_through() -> None:
    raw = json.dumps({"error": {"message": "Insufficient Balance", "code": "invalid_request_error"}})
    body = {
        "error": {"code": 400, "message": "Provider returned error", "metadata": {"raw": raw, "provider_name": "D"}}
    }
    error = turned_away(400, body)
    assert error.meaning.name == "empty_account"
    assert "Provider returned error: Insufficient Balance" in str(error)
    assert "pay" in str(error)


@pytest.mark.parametrize("body", [b"x" * 5_000_000, json.dumps(openai("boom " + "y" * 5_000_000)).encode()])
def test_megabytes_of_words_are_cut(body: bytes) -> None:
    assert len(str(turned_away(400, body))) < 600


def test_what_no_terminal_and_no_database_takes_is_left_out() -> None:
    text = str(
        turned_away(400, '{"error": {"message": "boom \\u0000 \\ud83d \\u001b[31m a-secret-word gsk_abcdefgh"}}')
    )
    assert text == "lab refused the request: boom ? [31m [key] [key]"


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda of: st.lists(of) | st.dictionaries(
    st.sampled_from(["error", "message", "code", "detail", "base_resp", "metadata", "raw", "status", "loc", "type"]), of
)), st.integers(400, 599))  # fmt: skip
def test_no_body_is_too_odd_to_be_told(body: object, status: int) -> None:
    assert str(turned_away(status, json.dumps(body))).encode()


HINTS: list[tuple[float | None, dict[str, str], str]] = [
    (7, {"retry-after": "7"}, ""),
    (0.25, {"retry-after-ms": "250", "retry-after": "7"}, ""),
    (90, {"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, ""),
    (0, {"retry-after": format_datetime(NOW - timedelta(seconds=90), usegmt=True)}, ""),
    (None, {"retry-after": "nan"}, ""),
    (None, {"retry-after": "1e300"}, ""),
    (None, {"retry-after": "soon"}, "later"),
    (20, {}, "Please try again in 20s. Visit"),
    (0.006, {}, "Please try again in 6ms."),
    (432.5, {}, "Please try again in 7m12.5s"),
    (3720, {}, "try again in 1h2m"),
    (36.2, {}, "Please retry in 36.2s."),
    (30, {}, "Please retry after 30 seconds."),
    (300, {}, "try again after 5 minutes"),
    (60, {}, "请在1分钟后重试"),
    (3600, {}, "Your limit will reset at 2026-11-30 15:00:00"),
    (3600, {}, "您的限额将在 2026-11-30 15:00:00 重置"),
    (12, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "12s"}, ""),
    (None, {"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "12s"}, ""),
    (40, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(round(NOW.timestamp() + 40) * 1000)}, ""),
    (5, {"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2026-11-30T06:00:05Z"}, ""),
]


@pytest.mark.parametrize(("seconds", "headers", "words"), HINTS, ids=[f"{n}-{row[0]}" for n, row in enumerate(HINTS)])
def test_a_wish_to_wait_is_read_wherever_it_stands(seconds: float | None, headers: dict[str, str], words: str) -> None:
    assert retry_after(httpx.Headers(headers), None, words, NOW) == (
        None if seconds is None else pytest.approx(seconds, abs=0.51)
    )


def test_geminis_wish_stands_in_its_details() -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36s"}
    assert turned_away(429, gemini(PLAN, "RESOURCE_EXHAUSTED", retry)).retry_after == 36


@pytest.mark.parametrize("headers", [{}, {"retry-after": "5"}])
def test_a_quota_of_the_day_is_not_asked_for_again_within_seconds(headers: dict[str, str]) -> None:
    assert turned_away(429, openai("requests per day (RPD): Limit 200"), headers).retry_after == 3600
    named = turned_away(429, openai("tokens per day (TPD): Limit 1. Please try again in 7m12s"))
    assert named.retry_after == 432


def test_an_error_that_a_client_choked_on_is_found_behind_it() -> None:
    def choke() -> None:
        try:
            raise TurnedAwayError(httpx.Response(429, json=[{"error": {"message": "Slow down"}}]))
        except TurnedAwayError:
            [].get("error")  # type: ignore[attr-defined]  # as Ollama's client does with a list

    with pytest.raises(AttributeError) as choked:
        choke()
    assert read_error(choked.value).words == "Slow down"
    explained = explain(choked.value, "lab", "m1", None, began=False)
    assert explained is not None
    assert explained.code == "RATE_LIMIT"


def test_a_fault_of_ours_is_none_of_the_providers() -> None:
    assert explain(KeyError("x"), "lab", "m1", None, began=False) is None
