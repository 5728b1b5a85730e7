"""Model providers over HTTP: keys go in and never come out, and a test that fails is an answer too."""

from __future__ import annotations

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.contracts.dialects import OVERRIDABLE, Adaptation
from tests.fakes.model_server import Reply, model_server
from tests.fakes.obliging import obliging

KEY = "sk-live-abcdefghijklmnop"


def server(url: str, **fields: object) -> dict[str, object]:
    """Return the body that adds a server."""
    return {"name": "local", "kind": "openai", "quick_model": "small", "deep_model": "large", "base_url": url, **fields}


async def test_a_server_is_added_changed_and_removed(client: httpx.AsyncClient) -> None:
    added = await client.post("/providers", json=server("http://127.0.0.1:9999/v1", key=KEY))
    assert (added.status_code, added.json()["key_state"]) == (201, "stored")
    changed = await client.patch("/providers/local", json={"requests_per_minute": 60, "version": 1})
    assert (changed.status_code, changed.json()["requests_per_minute"]) == (200, 60)
    assert changed.json()["key_state"] == "stored"
    late = await client.patch("/providers/local", json={"enabled": False, "version": 1})
    assert (late.status_code, late.json()["code"]) == (409, "CHANGED")
    gone = await client.patch("/providers/local", json={"key": None})
    assert gone.json()["key_state"] == "not_needed"
    listed = await client.get("/providers")
    assert [one["name"] for one in listed.json()["items"]] == ["scripted", "openai", "anthropic", "ollama", "local"]
    assert (await client.delete("/providers/local")).status_code == 204
    assert (await client.get("/providers/local")).status_code == 404
    assert KEY not in added.text + changed.text + listed.text


async def test_a_refusal_does_not_say_the_key(client: httpx.AsyncClient) -> None:
    refused = await client.post("/providers", json=server("http://there/v1", key=f"{KEY} {KEY}"))
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_KEY")
    assert KEY not in refused.text


async def test_the_connection_is_tested(client: httpx.AsyncClient) -> None:
    with model_server() as there:
        there.answers = obliging
        await client.post("/providers", json=server(f"{there.url}/v1"))
        well = (await client.post("/providers/local/test", json={"model": "other"})).json()
        assert (well["ok"], well["model"], well["tokens"], well["at_least"]) == (True, "other", 72, True)
        assert [check["check"] for check in well["checks"]] == ["text", "tool", "structured", "cancel", "window"]
        assert {asked.body["model"] for asked in there.asked} == {"other"}
        there.answers = lambda _: Reply(status=401, error="Wrong key")
        badly = await client.post("/providers/local/test")
        assert badly.status_code == 200
        assert (badly.json()["ok"], badly.json()["code"]) == (False, "AUTH")
        assert badly.json()["sentence"] == "local refused the API key: Wrong key"


async def test_a_provider_without_its_key_says_so(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    said = (await client.post("/providers/anthropic/test")).json()
    assert (said["ok"], said["code"]) == (False, "AUTH")
    assert said["sentence"] == "anthropic: no API key: enter one on Providers, or set ANTHROPIC_API_KEY"


async def test_the_first_values_come_back(client: httpx.AsyncClient) -> None:
    await client.patch("/providers/ollama", json={"quick_model": "mistral", "enabled": False})
    reset = await client.post("/providers/ollama/reset")
    assert (reset.json()["quick_model"], reset.json()["enabled"]) == ("llama3.2", True)
    assert (await client.post("/providers/unheard-of/reset")).status_code == 404


async def test_the_presets_are_listed_and_one_brings_its_address(client: httpx.AsyncClient) -> None:
    presets = (await client.get("/dialects")).json()["items"]
    assert {one["name"] for one in presets} >= {
        "openai", "azure", "anthropic", "gemini", "mistral", "deepseek", "kimi", "qwen", "glm", "grok", "groq",
        "together", "fireworks", "openrouter", "nvidia", "vllm", "llamacpp", "lmstudio", "ollama", "compatible",
    }  # fmt: skip
    models = {"quick_model": "small", "deep_model": "large"}
    added = await client.post("/providers", json={"name": "m", "kind": "openai", "dialect": "mistral", **models})
    assert (added.status_code, added.json()["url"]) == (201, "https://api.mistral.ai/v1")
    assert (added.json()["dialect"]["name"], added.json()["dialect_chosen"]) == ("mistral", True)
    usual = await client.patch("/providers/m", json={"dialect": None})
    assert (usual.json()["dialect"]["name"], usual.json()["dialect_chosen"]) == ("mistral", False)


OTHERWISE = {
    "token_field": "max_completion_tokens", "reasoning_back": False, "reasoning_beside": True, "tools": False,
    "tool_choice": "auto", "structured": "prompt", "temperature": False, "usage": "unasked", "window": 5000,
    "headers": {"X-Desk": "seven {key}"},
}  # fmt: skip


async def test_every_field_of_a_dialect_is_changed_and_taken_back(client: httpx.AsyncClient) -> None:
    assert set(OTHERWISE) == set(OVERRIDABLE)
    await client.post("/providers", json=server("http://127.0.0.1:9999/v1", windows={"small": 8192}))
    changed = (await client.patch("/providers/local", json={"dialect_changes": OTHERWISE})).json()
    assert {field: changed["dialect"][field] for field in OTHERWISE} == OTHERWISE
    assert (changed["dialect_changes"], changed["windows"]) == (OTHERWISE, {"small": 8192})
    back = (await client.patch("/providers/local", json={"dialect_changes": None, "windows": None})).json()
    assert (back["dialect"]["token_field"], back["dialect_changes"], back["windows"]) == ("max_tokens", {}, {})


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"dialect": "klingon"}, 422, "INVALID_INPUT"),
        ({"dialect": "anthropic"}, 409, "OTHER_KIND"),
        ({"dialect": "azure", "base_url": None}, 409, "INVALID_URL"),
        ({"dialect_changes": {"token_field": "num_predict"}}, 409, None),
        ({"dialect_changes": {"token_field": "tokens"}}, 422, None),
        ({"dialect_changes": {"colour": "red"}}, 422, None),
        ({"dialect_changes": {"tools": "yes"}}, 422, None),
        ({"dialect_changes": {"headers": {"Authorization": "Bearer x"}}}, 409, "INVALID_HEADER"),
        ({"dialect_changes": {"headers": {"X-Desk": "two\nlines"}}}, 422, None),
        ({"dialect_changes": {"window": 5}}, 422, None),
        ({"windows": {"small": 0}}, 422, None),
        ({"windows": {"": 5000}}, 422, None),
    ],
)
async def test_what_no_server_understands_is_refused(
    client: httpx.AsyncClient, fields: dict[str, object], status: int, code: str | None
) -> None:
    await client.post("/providers", json=server("http://127.0.0.1:9999/v1"))
    refused = await client.patch("/providers/local", json=fields)
    assert refused.status_code == status, refused.text
    assert code in (None, refused.json()["code"], "INVALID_INPUT")


async def test_anthropic_is_not_asked_in_ways_it_does_not_have(client: httpx.AsyncClient) -> None:
    refused = await client.patch("/providers/anthropic", json={"dialect_changes": {"structured": "json_mode"}})
    assert refused.status_code == 409
    assert "function_calling or prompt only" in refused.text


async def test_what_was_adapted_is_shown_with_its_date_and_forgotten(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    await client.post("/providers", json=server("http://127.0.0.1:9999/v1"))
    for model in ("small", "large"):
        seen = Adaptation("usage", "unasked", "local refused the request", platform.store.clock.now())
        platform.models.providers.adapt("local", model, seen)
    shown = (await client.get("/providers/local")).json()["adaptations"]
    assert (shown["small"][0]["value"], shown["small"][0]["reason"]) == ("unasked", "local refused the request")
    assert shown["small"][0]["adapted_at"]
    said = (await client.post("/providers/local/forget-adaptations", json={"model": "small"})).json()
    assert said == {"models": ["small"], "sentence": "local is asked as its dialect says again: small"}
    assert list((await client.get("/providers/local")).json()["adaptations"]) == ["large"]
    assert (await client.post("/providers/local/forget-adaptations")).json()["models"] == ["large"]
    nothing = (await client.post("/providers/local/forget-adaptations")).json()["sentence"]
    assert nothing == "local was not seen to refuse anything"
    unnamed = await client.post("/providers/local/forget-adaptations", json={"model": "\u0019"})
    assert unnamed.status_code == 422
    assert (await client.post("/providers/unheard-of/forget-adaptations")).status_code == 404
