"""Planted secrets: a secret that was entered is found nowhere again, in no file, log, answer or page."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

from tests.browser.consoles import ConsoleProcess, start_console
from tests.fakes.hook_server import Answer, hook_server
from tests.fakes.model_server import Reply, model_server

SECRETS = {
    "a key that is stored": "planted-stored-key-1f3a",
    "a key of the environment": "sk-planted-environment-2b6c",
    "the password of a channel": "planted-password-3c9d",
    "the token of a channel": "planted-token-4d2e",
    "the path of a heartbeat": "planted-heartbeat-5e8f",
    "the secret of a price provider": "planted-prices-6f1a",
}
STORED, ENVIRONMENT, PASSWORD, TOKEN, HEARTBEAT, PRICES = SECRETS.values()
FORMS = {
    name: (secret.encode(), b64encode(secret.encode()), b64encode(f"desk:{secret}".encode()))
    for name, secret in SECRETS.items()
}
PAGES = ("/marketanalysis", "/providers", "/notifications", "/health", "/experts", "/alerts")


def found_in(content: bytes) -> list[str]:
    """Name the secrets that stand in some bytes, plain or in base64."""
    return [name for name, forms in FORMS.items() if any(form.rstrip(b"=") in content for form in forms)]


def leaks(folder: Path) -> dict[str, list[str]]:
    """Return the files that hold a secret."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name: found for path in files if (found := found_in(path.read_bytes()))}


def told(console: ConsoleProcess) -> dict[str, list[str]]:
    """Ask all there is to be read, and return where a secret was told."""
    document = console.api.get(f"{console.url}/openapi.json")
    paths = [path for path, operations in document.json()["paths"].items() if "get" in operations]
    urls = [re.sub(r"\{\w+\}", "1", path) for path in paths]
    urls += ["/openapi.json", "/metrics", *PAGES]
    answers = {url: console.api.get(f"{console.url}{url}") for url in urls}
    assert all(answer.status_code < 500 for answer in answers.values())
    assert len(answers) > 60
    return {url: found for url, answer in answers.items() if (found := found_in(answer.content))}


def test_a_secret_that_was_entered_is_found_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    given = {"BA2_LOG_LEVEL": "DEBUG", "BA2_ALPACA_SECRET": PRICES, "OPENAI_API_KEY": ENVIRONMENT}
    with model_server() as models, hook_server() as hooks:
        console = start_console(folder, **given)
        api = console.api
        provider = {"kind": "openai", "quick_model": "m", "deep_model": "m", "base_url": f"{models.url}/v1"}
        assert api.post("/providers", json={**provider, "name": "local", "key": STORED}).is_success
        models.will(Reply(status=401, error=f"Incorrect API key provided: {STORED}"))
        assert api.post("/providers/local/test").json()["code"] == "AUTH"
        assert models.asked[-1].authorization == f"Bearer {STORED}"
        url = f"json://desk:{PASSWORD}@127.0.0.1:{hooks.port}/{TOKEN}?key={TOKEN}"
        channel = api.post("/notification-channels", json={"name": "Hook", "url": url, "occasions": ["failed"]}).json()
        hooks.answers.append(Answer(403, body=f"wrong token {TOKEN}".encode()))
        assert not api.post(f"/notification-channels/{channel['id']}/test").json()["ok"]
        assert TOKEN in hooks.paths[-1]
        api.put("/heartbeat", json={"url": f"http://127.0.0.1:{hooks.port}/{HEARTBEAT}"})
        assert api.post("/heartbeat/test").is_success
        console.wait_for(console.submit(console.expert(fail_with="AUTH", fail_times=-1)), "failed")
        assert api.post("/backups").is_success
        assert told(console) == {}
        assert (folder / "ba2.db-wal").stat().st_size
        assert leaks(folder) == {}
        assert console.stop() == 0
    assert leaks(folder) == {}
    assert "DEBUG" in console.log.read_text() + (folder / "logs" / "console.log").read_text()


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text(f"x {STORED} y")
    (tmp_path / "encoded.txt").write_bytes(b64encode(f"desk:{PASSWORD}".encode()))
    assert leaks(tmp_path) == {"plain.txt": ["a key that is stored"], "encoded.txt": ["the password of a channel"]}
