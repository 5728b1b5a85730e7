"""Model providers over HTTP: keys go in and never come out, and a test that fails is an answer too."""

from __future__ import annotations

import httpx
import pytest

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
