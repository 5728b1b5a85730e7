"""Ending table: the words by which each vendor ends an answer, and their meaning; an unknown one is no end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class Ending(StrEnum):
    """How an answer ended."""

    GOOD = "good"
    CALLED = "called"  # good too, and with calls of tools
    CUT = "cut"  # by the longest answer that was allowed
    FULL = "full"  # by the model's window
    BLOCKED = "blocked"
    PAUSED = "paused"
    FAILED = "failed"


_G, _C, _X, _F, _B, _P = Ending.GOOD, Ending.CALLED, Ending.CUT, Ending.FULL, Ending.BLOCKED, Ending.PAUSED

# What the vendors documented, or their servers were seen to say, by November 2026; `spelled` says how it is compared.
TABLE: Mapping[str, Mapping[Ending, str]] = {
    "OpenAI, Azure": {
        _G: "stop completed", _C: "tool_calls function_call", _X: "length max_output_tokens incomplete",
        _B: "content_filter",
    },
    "Anthropic": {
        _G: "end_turn stop_sequence", _C: "tool_use", _X: "max_tokens", _F: "model_context_window_exceeded",
        _B: "refusal", _P: "pause_turn",
    },
    "Google Gemini": {
        _G: "stop", _X: "max_tokens",
        _B: "safety recitation blocklist prohibited_content spii language image_safety image_recitation"
            " image_prohibited_content model_armor",
    },
    "Mistral": {_G: "stop", _C: "tool_calls", _X: "length", _F: "model_length"},
    "DeepSeek": {_G: "stop", _C: "tool_calls", _X: "length", _B: "content_filter"},
    "Kimi (Moonshot)": {_G: "stop", _C: "tool_calls", _X: "length", _B: "content_filter"},
    "Qwen (DashScope)": {_G: "stop", _C: "tool_calls", _X: "length", _B: "data_inspection_failed"},
    "GLM (Zhipu, Z.ai)": {
        _G: "stop", _C: "tool_calls", _X: "length", _F: "model_context_window_exceeded", _B: "sensitive",
    },
    "Grok (xAI)": {
        _G: "stop reason_stop end_turn", _C: "tool_calls reason_tool_calls", _X: "length reason_max_len",
        _F: "reason_max_context", _B: "content_filter",
    },
    "Groq, Fireworks, NVIDIA NIM, OpenRouter": {
        _G: "stop", _C: "tool_calls function_call", _X: "length", _B: "content_filter",
    },
    "Together": {_G: "stop eos", _C: "tool_calls function_call", _X: "length"},
    "vLLM, SGLang, TGI": {
        _G: "stop stop_sequence eos_token stop_token", _C: "tool_calls", _X: "length", _F: "max_model_len",
    },
    "llama.cpp": {_G: "stop eos word", _C: "tool_calls", _X: "length limit"},
    "LM Studio": {
        _G: "stop eosFound stopStringFound", _C: "tool_calls toolCalls", _X: "length maxPredictedTokensReached",
        _F: "contextLengthReached",
    },
    "Ollama": {_G: "stop", _C: "tool_calls", _X: "length"},
    "Cohere": {
        _G: "complete stop_sequence", _C: "tool_call", _X: "max_tokens", _F: "error_limit", _B: "error_toxic",
    },
    "Amazon Bedrock": {
        _G: "end_turn stop_sequence", _C: "tool_use", _X: "max_tokens length",
        _F: "model_context_window_exceeded", _B: "guardrail_intervened content_filtered",
    },
}  # fmt: skip
_NONE = frozenset({"", "null", "none", "unspecified", "not_finished"})  # said while an answer goes on


def spelled(word: object) -> str | None:
    """Return a server's word as the table has it, None where it says nothing: neither case nor hyphens matter."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(word if word is not None else "").strip())
    plain = re.sub(r"[\s_.-]+", "_", parted).lower().removeprefix("finish_reason_").removeprefix("finishreason_")
    return None if plain in _NONE else plain


_MEANINGS: Mapping[str, Ending] = {
    str(spelled(word)): ending
    for vendor in TABLE.values()
    for ending, words in vendor.items()
    for word in words.split()
}


def meaning(word: str) -> Ending:
    """Return what a word, as it is spelled in the table, says of the answer before it."""
    return _MEANINGS.get(word, Ending.FAILED)
