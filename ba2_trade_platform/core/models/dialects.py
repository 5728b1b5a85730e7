"""Dialect table: the presets of the known vendors, and which of them an address belongs to."""

from __future__ import annotations

from urllib.parse import urlsplit

from ba2_trade_platform.core.contracts.dialects import Dialect
from ba2_trade_platform.vocabulary import ProviderKind, StructuredMethod, TokenField, ToolChoice, UsageForm

_OPENAI, _NEW_FIELD = ProviderKind.OPENAI, TokenField.MAX_COMPLETION_TOKENS
_SCHEMA, _AUTO, _REQUIRED = StructuredMethod.JSON_SCHEMA, ToolChoice.AUTO, ToolChoice.REQUIRED
_EACH, _UNASKED = UsageForm.EACH, UsageForm.UNASKED
# Else it leaves out the middle of what is too long for a model and says nothing; the second name is the newer one.
_WHOLE = {"transforms": [], "plugins": [{"id": "context-compression", "enabled": False}]}

# As the vendors documented it, or as their servers were seen to answer, by November 2026; the order of the picker.
PRESETS: tuple[Dialect, ...] = (
    Dialect("openai", "OpenAI", _OPENAI, "https://api.openai.com/v1", token_field=_NEW_FIELD),
    Dialect("azure", "Azure OpenAI", _OPENAI, token_field=_NEW_FIELD, headers={"api-key": "{key}"}),
    Dialect(
        "anthropic", "Anthropic", ProviderKind.ANTHROPIC, "https://api.anthropic.com", reasoning_back=True,
        usage=_UNASKED, window=200_000,
    ),
    Dialect(
        "gemini", "Google Gemini", _OPENAI, "https://generativelanguage.googleapis.com/v1beta/openai",
        reasoning_back=True, reasoning_beside=True, structured=_SCHEMA, usage=_EACH, window=1_048_576,
    ),
    Dialect(
        "mistral", "Mistral", _OPENAI, "https://api.mistral.ai/v1", structured=_SCHEMA, usage=_UNASKED, window=131_072
    ),
    Dialect(
        "deepseek", "DeepSeek", _OPENAI, "https://api.deepseek.com/v1", reasoning_back=True, tool_choice=_AUTO,
        window=131_072,
    ),
    Dialect(
        "kimi", "Kimi (Moonshot)", _OPENAI, "https://api.moonshot.ai/v1", reasoning_back=True, tool_choice=_AUTO,
        window=262_144,
    ),
    Dialect(
        "qwen", "Qwen (DashScope)", _OPENAI, "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        tool_choice=_AUTO, usage=_EACH, window=131_072,
    ),
    Dialect(
        "glm", "GLM (Zhipu, Z.ai)", _OPENAI, "https://api.z.ai/api/paas/v4", tool_choice=_AUTO, usage=_UNASKED,
        window=131_072,
    ),
    Dialect(
        "grok", "Grok (xAI)", _OPENAI, "https://api.x.ai/v1", token_field=_NEW_FIELD, reasoning_beside=True,
        structured=_SCHEMA, usage=_EACH, window=131_072,
    ),
    Dialect("groq", "Groq", _OPENAI, "https://api.groq.com/openai/v1", token_field=_NEW_FIELD, window=131_072),
    Dialect("together", "Together", _OPENAI, "https://api.together.xyz/v1"),
    Dialect("fireworks", "Fireworks", _OPENAI, "https://api.fireworks.ai/inference/v1"),
    Dialect(
        "openrouter", "OpenRouter", _OPENAI, "https://openrouter.ai/api/v1", reasoning_back=True,
        headers={"X-Title": "BA2 Trade Platform"}, body=_WHOLE,
    ),
    Dialect("nvidia", "NVIDIA NIM", _OPENAI, "https://integrate.api.nvidia.com/v1"),
    Dialect("vllm", "vLLM", _OPENAI, "http://127.0.0.1:8000/v1", structured=_SCHEMA),
    Dialect("llamacpp", "llama.cpp", _OPENAI, "http://127.0.0.1:8080/v1", tool_choice=_REQUIRED, structured=_SCHEMA),
    Dialect("lmstudio", "LM Studio", _OPENAI, "http://127.0.0.1:1234/v1", tool_choice=_REQUIRED, structured=_SCHEMA),
    Dialect("compatible", "Another server that speaks OpenAI's protocol", _OPENAI, reasoning_back=True),
    Dialect(
        "ollama", "Ollama", ProviderKind.OLLAMA, "http://127.0.0.1:11434", TokenField.NUM_PREDICT,
        structured=_SCHEMA, usage=_UNASKED,
    ),
    Dialect("scripted", "Scripted, for rehearsals", ProviderKind.SCRIPTED, usage=_UNASKED),
)  # fmt: skip
BY_NAME = {one.name: one for one in PRESETS}
_BY_HOST = {
    urlsplit(one.base_url).hostname: one.name for one in PRESETS if one.base_url and "127.0.0.1" not in one.base_url
}
_BY_HOST |= {
    "dashscope.aliyuncs.com": "qwen", "dashscope-us.aliyuncs.com": "qwen", "open.bigmodel.cn": "glm",
    "api.moonshot.cn": "kimi", "api.together.ai": "together",
}  # fmt: skip
_AZURE = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")


def pickable() -> list[Dialect]:
    """Return the presets that a person may choose among, in the order of the picker."""
    return [one for one in PRESETS if one.kind is not ProviderKind.SCRIPTED]


def usual_dialect(kind: ProviderKind, base_url: str | None) -> str:
    """Return the dialect of a provider that names none: its vendor's, by the address, else what its kind is like."""
    if kind is not ProviderKind.OPENAI:
        return kind.value
    if not base_url:
        return "openai"
    host = (urlsplit(base_url).hostname or "").lower()
    return "azure" if host.endswith(_AZURE) else _BY_HOST.get(host, "compatible")
