"""Refused windows: the tokens that a refusal's words name, and no other number in them."""

from __future__ import annotations

import pytest

from ba2_trade_platform.llm.windows.refused import refused_window

NAMED = [
    (8192, "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"),
    (4096, "'max_tokens' is too large: 2000. This model's maximum context length is 4096 tokens"),
    (8191, "The prompt is too long: 9000, model maximum context length: 8191"),
    (131_072, "This model's maximum prompt length is 131072 but the request contains 140000 tokens."),
    (131_072, "This endpoint's maximum context length is 131,072 tokens. However, you requested about 140,000 tokens"),
    (200_000, "prompt is too long: 213462 tokens > 200000 maximum"),
    (200_000, "input length and `max_tokens` exceed context limit: 195000 + 8000 > 200000, decrease input length"),
    (32_768, "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length"),
    (1_048_576, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
    (1_048_575, "The input token count exceeds the maximum number of tokens allowed 1048575."),
    (4096, "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"),
    (4096, "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context"
     " length of only 4096 tokens, which is not enough."),
    (262_144, "Invalid request: Your request exceeded model token limit: 262144 (requested: 300000)"),
    (30_720, "Range of input length should be [1, 30720]"),
    (8193, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens"),
    (16_384, "Your prompt exceeds the limit of 16384 tokens"),
    (32_768, "输入内容过长,超过模型最大长度限制 32768"),
    (65_536, "最大上下文长度为65536,请缩短输入"),
]  # fmt: skip
UNNAMED = [
    "", "Please reduce the length of the messages.", "the input length exceeds the context length", "Prompt 超长",
    "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 34590. The limit of 30000 tokens",
    "The question has 9000 tokens", "context length (9000 tokens) exceeds what is allowed",
    "maximum context length is 12 tokens", "maximum context length is 999999999999 tokens",
    "maximum context length is 8.5 tokens", "413 Request Entity Too Large",
]  # fmt: skip


@pytest.mark.parametrize(("tokens", "words"), NAMED)
def test_a_refusal_names_the_window(tokens: int, words: str) -> None:
    assert refused_window(words) == tokens


@pytest.mark.parametrize("words", UNNAMED)
def test_no_other_number_is_a_window(words: str) -> None:
    assert refused_window(words) is None
