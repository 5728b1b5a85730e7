"""The failure inbox over HTTP: groups are listed, resolved, ignored, and brought back."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from tests.api.clients import client_of
from tests.platforms import TRADER, drain, make_platform, practice, running, submit, wait_until


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A console on which two analyses have failed with AUTH and one completed."""
    with running(make_platform(tmp_path_factory.mktemp("failures"))) as platform:
        failing = practice(platform, "Expired key", fail_with="AUTH", providers=["acme"])
        for symbol in ("AAPL", "MSFT"):
            submit(platform, failing, symbol)
        submit(platform, practice(platform, "Completes"))
        drain(platform)
        yield platform


@pytest.fixture
async def asked(console: Platform) -> httpx.AsyncClient:
    return client_of(console)


async def the_group(client: httpx.AsyncClient) -> dict[str, object]:
    """Return the only group there is."""
    (group,) = (
        await client.get("/failures", params={"state": ["unresolved", "resolved", "ignored", "wont_fix"]})
    ).json()["items"]
    return dict(group)


async def test_the_inbox_lists_groups_with_their_verdicts(asked: httpx.AsyncClient) -> None:
    inbox = (await asked.get("/failures")).json()
    assert (inbox["needs_person"], inbox["next_cursor"]) == (1, None)
    (group,) = inbox["items"]
    assert (group["code"], group["state"], group["failed_now"], group["seen"]) == ("AUTH", "unresolved", 2, 2)
    assert group["assessment"]["headline"].startswith("Permanent: fix first (API key refused")
    assert group["symbols"] == ["AAPL", "MSFT"]
    assert group["experts"] == [{"id": 1, "alias": "Expired key"}]
    assert sum(group["hours"]) == 2
    failed = (await asked.get("/analyses", params={"fingerprint": group["fingerprint"], "status": "failed"})).json()
    assert len(failed["items"]) == group["failed_now"]
    assert (await asked.get(f"/failures/{group['fingerprint']}")).json() == group
    assert (await asked.get(f"/failures/{group['fingerprint']}/evidence")).json() == {"items": []}


async def test_a_group_is_resolved_ignored_and_reopened(asked: httpx.AsyncClient) -> None:
    path = f"/failures/{(await the_group(asked))['fingerprint']}"
    resolved = (await asked.post(f"{path}/resolve", json={"reason": "key renewed"})).json()
    assert resolved["sentence"] == "Resolved: it leaves the inbox until it comes back"
    group = resolved["group"]
    assert (group["state"], group["marked_by"], group["mark_reason"]) == ("resolved", "trader", "key renewed")
    ignored = (await asked.post(f"{path}/ignore", json={"until_more": 5})).json()["group"]
    assert (ignored["state"], ignored["ignore_more"]) == ("ignored", 5)
    assert (await asked.post(f"{path}/ignore")).json()["group"]["state"] == "wont_fix"
    assert (await asked.get("/failures")).json() == {"items": [], "next_cursor": None, "needs_person": 0}
    assert (await asked.post(f"{path}/reopen")).json()["group"]["state"] == "unresolved"


async def test_a_kind_is_overridden_listed_and_given_back(asked: httpx.AsyncClient) -> None:
    path = f"/failures/{(await the_group(asked))['fingerprint']}"
    said = await asked.put(f"{path}/kind", json={"kind": "transient", "reason": "their key server hiccups"})
    assert said.json()["sentence"] == "Held to be transient"
    assert said.json()["assessment"]["headline"].startswith("Transient: likely to work")
    (override,) = (await asked.get("/failures/overrides")).json()["items"]
    assert (override["kind"], override["own_kind"], override["reason"]) == (
        "transient", "permanent", "their key server hiccups",
    )  # fmt: skip
    cleared = await asked.delete(f"{path}/kind")
    assert cleared.json()["sentence"] == "Held to be permanent again, as its code says"
    assert (await asked.get("/failures/overrides")).json() == {"items": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "resolve"), ("POST", "ignore"), ("POST", "reopen"), ("DELETE", "kind"), ("GET", "")],
)
async def test_a_group_that_is_not_there_is_not_found(asked: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await asked.request(method, f"/failures/f00/{path}".rstrip("/"))
    assert (answer.status_code, answer.json()["code"]) == (404, "FAILURE_GROUP_NOT_FOUND")


@pytest.mark.parametrize(
    ("wish", "status", "sentence"),
    [
        ({"seconds": 60, "until_more": 2}, 409, "Ignore it for a time or until more of it, not both"),
        ({"seconds": 0}, 422, "Ignore it for 1 second to 366 days, or for ever"),
        ({"until_more": 0}, 422, "Ignore it until 1 to 1,000,000 more"),
    ],
)
async def test_a_wish_that_makes_no_sense_is_refused(
    asked: httpx.AsyncClient, wish: dict[str, int], status: int, sentence: str
) -> None:
    path = f"/failures/{(await the_group(asked))['fingerprint']}"
    answer = await asked.post(f"{path}/ignore", json=wish)
    assert (answer.status_code, answer.json()["detail"]) == (status, sentence)


async def test_a_broken_cursor_or_state_is_refused(asked: httpx.AsyncClient) -> None:
    for parameters, status in (({"cursor": "x"}, 409), ({"state": "angry"}, 422), ({"limit": 0}, 422)):
        assert (await asked.get("/failures", params=parameters)).status_code == status


async def test_a_group_is_rerun_as_one_bulk_object_and_a_repeated_request_answers_the_same(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    failing = practice(platform, "Expired key", fail_with="AUTH")
    for symbol in ("AAPL", "MSFT"):
        submit(platform, failing, symbol)
    platform.start()
    drain(platform)
    (group,) = (await client.get("/failures")).json()["items"]
    platform.experts.update(failing, by=TRADER, settings={"seconds": 0, "steps": 1, "outputs": 1})
    path, key = f"/failures/{group['fingerprint']}/rerun", {"Idempotency-Key": "once"}
    first = await client.post(path, json={"reason": "new key"}, headers=key)
    again = await client.post(path, json={"reason": "new key"}, headers=key)
    assert (first.status_code, first.json()["will_run"], first.json()["reason"]) == (202, 2, "new key")
    assert again.json() == first.json()
    drain(platform)
    wait_until(platform, lambda: platform.batches.get(first.json()["id"]).counts.succeeded == 2)
    assert (await client.get(f"/failures/{group['fingerprint']}")).json()["state"] == "recovered"
    nothing = await client.post(path)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "NOTHING_TO_RERUN")
