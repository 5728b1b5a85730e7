"""Body limits: a body too large is refused while it comes, and a malformed one costs no more than a good one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from ba2_trade_platform.api.http.body_limits import Room
from ba2_trade_platform.api.register import create_api
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.experts.registry import Registry
from tests.api.clients import client_of


async def endless(chunk: bytes, taken: list[int]) -> AsyncIterator[bytes]:
    """Send the same chunk for ever, and count."""
    while True:
        taken.append(len(chunk))
        yield chunk


async def test_a_body_is_read_up_to_its_limit_and_no_further(platform: Platform) -> None:
    taken: list[int] = []
    async with client_of(platform) as client:
        answer = await client.post(
            "/analyses", content=endless(b"x" * 65_536, taken), headers={"Content-Type": "application/json"}
        )
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")
    assert answer.json()["detail"] == "The body is too large: at most 1 MB here"
    assert sum(taken) < 1_200_000


@pytest.mark.parametrize(("path", "size", "status"), [
    ("/analyses", 999_000, 422), ("/analyses", 1_000_001, 413),
    ("/instruments/import", 7_900_000, 422), ("/instruments/import", 8_000_001, 413),
])  # fmt: skip
async def test_files_may_be_larger(client: httpx.AsyncClient, path: str, size: int, status: int) -> None:
    body = b'{"text": "' + b"x" * (size - 12) + b'"}'
    answer = await client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text[:200]
    assert len(answer.content) < 4_000


async def test_a_heap_of_fields_is_one_sentence(client: httpx.AsyncClient) -> None:
    for heap in (
        {str(number): 1 for number in range(60_000)},
        {"symbols": [{str(number): 1} for number in range(9_000)]},
    ):
        answer = await client.post("/analyses", json=heap)
        assert answer.status_code == 422
        assert len(answer.content) < 10_000


@pytest.mark.parametrize("body", [
    b'{"text": "x", "a": [' + b"[], " * 300_000 + b"1]}", b'{"text": "x", ' + b'"a": 1, ' * 200_000 + b'"b": 1}',
    b'{"text": "\\\\", "a": [' + b"[], " * 300_000 + b"1]}", b"[" * 1_100_000,
], ids=["lists", "fields", "an escaped backslash", "depth"])  # fmt: skip
async def test_an_import_that_is_more_than_a_text_is_not_parsed(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/instruments/import", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["detail"][:26]) == (422, "The body of an import is o")


async def test_a_text_with_quotes_and_backslashes_is_one_text(client: httpx.AsyncClient) -> None:
    text = "symbol,name\n" + 'AAPL,"Say \\""hello\\"", {[["\n' * 40_000
    answer = await client.post("/instruments/import", json={"text": text, "preview": True})
    assert len(answer.request.content) > 1_000_000
    assert "The body of an import" not in answer.text


async def test_bodies_share_one_room(platform: Platform) -> None:
    room = Room(left=1_500_000)
    transport = httpx.ASGITransport(app=create_api(platform, room=room))
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def half() -> AsyncIterator[bytes]:
        yield b"x" * 900_000
        begun.set()
        await go_on.wait()

    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080/api/v1") as client:
        head = {"Content-Type": "application/json"}
        slow = asyncio.create_task(client.post("/analyses", content=half(), headers=head))
        await begun.wait()
        crowded = await client.post("/analyses", content=b"x" * 900_000, headers=head)
        assert (crowded.status_code, crowded.headers["retry-after"]) == (503, "5")
        go_on.set()
        assert (await slow).status_code == 422
        assert (await client.post("/analyses", content=b"x" * 900_000, headers=head)).status_code == 422
    assert room.left == 1_500_000


@pytest.mark.parametrize("body", [b"[" * 500_000, b'{"a":' * 100_000, b"1" * 900_000, b'"\\ud800"', b"\xff\xfe"])
async def test_a_body_that_is_no_json_for_us_is_a_sentence(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/analyses", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_every_list_and_mapping_that_is_sent_has_a_bound(platform: Platform) -> None:
    document = create_api(platform).openapi()
    schemas = document["components"]["schemas"]
    sent = [
        content["schema"]
        for path in document["paths"].values()
        for operation in path.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    sent += [
        parameter["schema"]
        for path in document["paths"].values()
        for operation in path.values()
        for parameter in operation.get("parameters", [])
    ]
    assert sent
    assert sorted({place for schema in sent for place in unbounded(schema, schemas, "")}) == []


@pytest.mark.parametrize("name", Registry().names())
def test_every_list_and_mapping_in_the_settings_of_an_expert_has_a_bound(name: str) -> None:
    schema = Registry().get(name).settings_model.model_json_schema()
    assert sorted(set(unbounded(schema, schema.get("$defs", {}), name))) == []


def unbounded(schema: dict[str, Any], known: dict[str, Any], place: str) -> Iterator[str]:
    """Return where a schema lets somebody send as much as they like."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        if name not in place.split("."):
            yield from unbounded(known[name], known, f"{place}.{name}")
        return
    if schema.get("type") == "array" and "maxItems" not in schema:
        yield f"{place}: an array without maxItems"
    free = schema.get("additionalProperties", True) is not False
    if schema.get("type") == "object" and free and "maxProperties" not in schema:
        yield f"{place}: an object without maxProperties"
    inner = {f"{place}.{name}": part for name, part in schema.get("properties", {}).items()}
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            inner[f"{place}.{word}"] = schema[word]
    for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
        inner |= {f"{place}.{word}{number}": part for number, part in enumerate(schema.get(word, []))}
    for name, part in inner.items():
        yield from unbounded(part, known, name)


def test_the_walk_finds_what_has_no_bound() -> None:
    schema = json.loads('{"type": "object", "properties": {"a": {"anyOf": [{"type": "array", "items": {}}]}}}')
    assert len(list(unbounded(schema, {}, "x"))) == 2
