"""Notifications over HTTP: addresses go in and never come out, and a test that fails is an answer too."""

from __future__ import annotations

import httpx

from tests.fakes.hook_server import hook_server

SECRET = "T0PS3CRET-t0ken"  # noqa: S105 - of a webhook that is ours


async def test_a_channel_is_added_changed_and_removed(client: httpx.AsyncClient) -> None:
    body = {"name": "Phone", "url": f"tgram://123456789:{SECRET}/12", "occasions": ["failed", "alert"]}
    added = await client.post("/notification-channels", json=body)
    assert (added.status_code, added.json()["hint"]) == (201, "Telegram (tgram://...)")
    rules = (await client.get("/notification-rules")).json()["items"]
    assert [(rule["occasion"], rule["urgent"]) for rule in rules] == [("alert", True), ("failed", False)]
    quiet = {"quiet_from": "22:00", "quiet_until": "07:00", "zone": "Europe/Berlin", "version": 1}
    changed = await client.patch("/notification-channels/1", json=quiet)
    assert (changed.status_code, changed.json()["quiet_until"]) == (200, "07:00")
    late = await client.patch("/notification-channels/1", json={"enabled": False, "version": 1})
    assert (late.status_code, late.json()["code"]) == (409, "CHANGED")
    listed = await client.get("/notification-channels")
    assert SECRET not in added.text + changed.text + listed.text
    assert (await client.delete("/notification-channels/1")).status_code == 204
    assert (await client.get("/notification-rules")).json()["items"] == []


async def test_a_refusal_does_not_say_the_address(client: httpx.AsyncClient) -> None:
    for url in (f"nowhere://{SECRET}", SECRET, f"json://host/{SECRET * 300}", {"token": SECRET}):
        refused = await client.post("/notification-channels", json={"name": "Phone", "url": url})
        assert refused.status_code == (409 if url == f"nowhere://{SECRET}" else 422)
        assert SECRET not in refused.text


async def test_rules_are_added_changed_and_removed(client: httpx.AsyncClient) -> None:
    await client.post("/notification-channels", json={"name": "Hook", "url": "json://127.0.0.1:1/"})
    wish = {"channel_id": 1, "occasion": "confident", "min_confidence": 80}
    added = (await client.post("/notification-rules", json=wish)).json()
    assert (added["channel"], added["min_confidence"], added["group_seconds"]) == ("Hook", 80, 60)
    changed = await client.patch(f"/notification-rules/{added['id']}", json={"urgent": True, "version": 1})
    assert changed.json()["urgent"] is True
    silly = await client.post("/notification-rules", json={**wish, "occasion": "failed"})
    assert (silly.status_code, silly.json()["detail"]) == (409, "Only recommendations have a confidence")
    assert (await client.post("/notification-rules", json={**wish, "channel_id": 9})).status_code == 404
    assert (await client.delete(f"/notification-rules/{added['id']}")).status_code == 204
    assert (await client.delete(f"/notification-rules/{added['id']}")).status_code == 404


async def test_an_id_that_no_database_holds_is_refused(client: httpx.AsyncClient) -> None:
    await client.post("/notification-channels", json={"name": "Hook", "url": "json://127.0.0.1:1/"})
    for wish in ({"channel_id": 10**30}, {"channel_id": 1, "expert_instance_id": 10**30}):
        refused = await client.post("/notification-rules", json={"occasion": "failed", **wish})
        assert (refused.status_code, refused.json()["code"]) == (422, "INVALID")


async def test_a_channel_is_tested(client: httpx.AsyncClient) -> None:
    with hook_server() as hooks:
        await client.post("/notification-channels", json={"name": "Hook", "url": hooks.url()})
        well = (await client.post("/notification-channels/1/test")).json()
        assert (well["ok"], well["sentence"]) == (True, "Hook took the test message")
        hooks.answers.append(500)
        badly = await client.post("/notification-channels/1/test")
        assert (badly.status_code, badly.json()["ok"]) == (200, False)
        assert "500" in badly.json()["sentence"]
    assert (await client.post("/notification-channels/9/test")).status_code == 404


async def test_messages_are_listed_and_only_failed_ones_sent_again(client: httpx.AsyncClient) -> None:
    assert (await client.get("/notifications", params={"state": "failed"})).json() == {"items": []}
    assert (await client.get("/notifications", params={"state": "lost"})).status_code == 422
    assert (await client.post("/notifications/1/retry")).status_code == 404
