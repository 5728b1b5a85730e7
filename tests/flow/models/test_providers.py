"""Model providers: first rows, keys that never come out, and experts that name a missing one instead of failing."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from ba2_trade_platform.core.base.encryption import SecretBox
from ba2_trade_platform.core.base.errors import Invalid, NotFound, PlatformError, Refused
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import Verdict
from ba2_trade_platform.core.contracts.language_models import ModelSettings
from ba2_trade_platform.core.contracts.model_providers import KeyState
from ba2_trade_platform.core.models.providers import ModelProviders
from ba2_trade_platform.vocabulary import ErrorCode, ProviderKind
from tests.fakes.experts import Catalog, Scripted, hold
from tests.fakes.model_server import Reply, model_server
from tests.places import ROOT
from tests.platforms import TRADER, drain, make_platform, row, running, submit
from tests.stepped import make_desk

KEY = "sk-live-abcdefghijklmnop"
SERVER = {"quick_model": "small", "deep_model": "large", "base_url": "http://127.0.0.1:9999/v1"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty database."""
    store = make_desk(tmp_path).store
    yield store
    store.dispose()


def services(store: Store, folder: Path, **environment: str) -> ModelProviders:
    """Return the service with the first providers."""
    providers = ModelProviders(store, SecretBox(folder / "secret.key"), environment)
    providers.seed_if_empty()
    return providers


def test_the_first_providers_say_where_their_keys_come_from(store: Store, tmp_path: Path) -> None:
    providers = services(store, tmp_path, OPENAI_API_KEY=KEY)
    assert [(one.name, one.key_state, one.unavailable) for one in providers.list()] == [
        ("scripted", "not_needed", None),
        ("openai", "environment", None),
        ("anthropic", "missing", "no API key: enter one on Providers, or set ANTHROPIC_API_KEY"),
        ("ollama", "not_needed", None),
    ]
    providers.seed_if_empty()
    assert len(providers.list()) == 4


def test_a_stored_key_goes_before_the_environments_and_can_be_taken_away(store: Store, tmp_path: Path) -> None:
    providers = services(store, tmp_path, OPENAI_API_KEY="from-outside")
    assert providers.change("openai", key=KEY, by=TRADER).key_state is KeyState.STORED
    assert providers.connection("openai").key == KEY
    assert providers.change("openai", key=None, by=TRADER).key_state is KeyState.ENVIRONMENT
    assert providers.connection("openai").key == "from-outside"


@pytest.mark.parametrize("key", ["ключ", "sk-one\nsk-two", "sk one"])
def test_what_cannot_be_a_key_is_not_taken_from_the_environment(store: Store, tmp_path: Path, key: str) -> None:
    openai = services(store, tmp_path, OPENAI_API_KEY=key).connection("openai")
    assert (openai.key, openai.provider.key_state) == (None, KeyState.UNREADABLE)
    assert openai.provider.unavailable is not None
    assert openai.provider.unavailable.startswith("the environment's OPENAI_API_KEY is no key")
    assert key not in openai.provider.unavailable


def test_the_key_file_is_for_its_owner_only(store: Store, tmp_path: Path) -> None:
    services(store, tmp_path).change("openai", key=KEY, by=TRADER)
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["gone", "another", "rubbish"])
def test_a_key_that_cannot_be_read_counts_as_missing_and_says_why(store: Store, tmp_path: Path, damage: str) -> None:
    services(store, tmp_path).change("openai", key=KEY, by=TRADER)
    file = tmp_path / "secret.key"
    file.unlink()
    if damage == "another":
        SecretBox(file).encrypt("else")
    elif damage == "rubbish":
        file.write_text("rubbish")
    found = services(store, tmp_path).get("openai")
    assert found.key_state is KeyState.UNREADABLE
    assert "the stored API key cannot be read" in (found.unavailable or "")
    assert "enter it again" in (found.unavailable or "")


def test_a_key_is_not_sent_to_another_server_than_it_was_meant_for(store: Store, tmp_path: Path) -> None:
    providers = services(store, tmp_path, OPENAI_API_KEY="from-outside")
    providers.change("openai", key=KEY, by=TRADER)
    assert providers.change("openai", by=TRADER, base_url="https://api.openai.com/v2").key_state is KeyState.STORED
    providers.change("openai", by=TRADER, base_url="http://evil.example/v1")
    assert providers.connection("openai").key is None


def test_somebody_elses_change_is_not_overwritten(store: Store, tmp_path: Path) -> None:
    providers = services(store, tmp_path)
    seen = providers.get("ollama")
    providers.change("ollama", by=TRADER, version=seen.version, quick_model="mistral")
    with pytest.raises(Refused, match="ollama was changed meanwhile"):
        providers.change("ollama", by=TRADER, version=seen.version, enabled=False)
    assert providers.reset("ollama", by=TRADER).quick_model == "llama3.2"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"base_url": "ftp://there"}, "must begin with http"),
        ({"base_url": "https://user:secret@there/v1"}, "must hold no user, password"),
        ({"base_url": "https://there/\u202e1v"}, "visible ASCII characters only"),
        ({"base_url": "https://th\u200bere/v1"}, "visible ASCII characters only"),
        ({"base_url": "https://there/\x1bv1"}, "visible ASCII characters only"),
        ({"base_url": "https://thére/v1"}, "xn--"),
        ({"concurrency": 0}, "Calls at once must be between 1 and 1,000"),
        ({"requests_per_minute": 0}, "Requests a minute must be between"),
        ({"quick_model": " "}, "Quick model: name a model"),
        ({"structured": {"m": "magic"}}, "no structured-output method 'magic'"),
        ({"key": "two words"}, "without spaces"),
    ],
)
def test_what_makes_no_sense_is_refused(store: Store, tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        services(store, tmp_path).change("openai", by=TRADER, **changes)


def test_providers_are_added_and_removed(store: Store, tmp_path: Path) -> None:
    providers = services(store, tmp_path)
    assert providers.create("my-server", ProviderKind.OPENAI, by=TRADER, **SERVER).unavailable is None
    with pytest.raises(Refused, match="already is a provider my-server"):
        providers.create("my-server", ProviderKind.OPENAI, by=TRADER, **SERVER)
    with pytest.raises(Invalid, match="a-z, 0-9 and -"):
        providers.create("My Server", ProviderKind.OPENAI, by=TRADER, **SERVER)
    providers.remove("my-server", by=TRADER)
    with pytest.raises(NotFound, match="no model provider my-server"):
        providers.get("my-server")


class Asker(Scripted):
    """An expert that asks models."""

    settings_model: type[BaseModel] = ModelSettings

    def providers(self, settings: BaseModel) -> Sequence[str]:
        """Return those of the settings."""
        return settings.providers if isinstance(settings, ModelSettings) else ()


async def ask_once(context: Any) -> Verdict:
    """Ask the quick model in one step."""

    async def ask() -> str:
        return str((await context.models.chat("quick").ainvoke("What now?")).text)

    return hold(details=await context.step("Think", ask))


def test_a_missing_key_greys_the_expert_out_and_fails_no_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    platform = make_platform(tmp_path, catalog=Catalog(Asker("Asker", ask_once)))
    wanted = {"providers": ["openai", "anthropic"]}
    instance = platform.experts.create("Asker", "Asker", wanted, by=TRADER)
    platform.models.providers.change("anthropic", by=TRADER, enabled=False)
    (need,) = [need for need in platform.experts.get(instance.id).unmet if need.key == "models"]
    assert need.sentence.startswith("No model provider can be asked (openai: no API key")
    assert need.sentence.endswith("anthropic: switched off)")
    with pytest.raises(PlatformError, match="No model provider can be asked"):
        submit(platform, instance.id)
    platform.models.providers.change("openai", key=KEY, by=TRADER)
    assert [need.key for need in platform.experts.get(instance.id).unmet] == ["broker"]
    platform.stop()


def test_the_step_knows_what_its_call_took_and_no_key_is_left_anywhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with model_server() as server:
        server.will(Reply(status=401, error=f"Incorrect API key provided: {KEY}"), Reply("Hold it"))
        platform = make_platform(tmp_path, catalog=Catalog(Asker("Asker", ask_once)))
        given = {**SERVER, "base_url": f"{server.url}/v1", "key": KEY}
        platform.models.providers.create("local", ProviderKind.OPENAI, by=TRADER, **given)
        instance = platform.experts.create(
            "Asker", "Asker", {"providers": ["local"], "call_retries": 0}, by=TRADER, max_retries=0
        )
        with running(platform):
            analysis_id = submit(platform, instance.id)
            drain(platform)
            assert row(platform, analysis_id).error_code == "AUTH"
            platform.analyses.rerun(analysis_id, by=TRADER)
            drain(platform)
            (step,) = platform.monitoring.details.steps(analysis_id)
            assert (step.name, step.provider, step.tokens) == ("Think", "local", 18)
            archive = platform.monitoring.details.archive(analysis_id, 1)
            assert "refused the API key" in str(archive)
            assert KEY not in str(archive)
    assert server.asked[0].authorization == f"Bearer {KEY}"
    leaks = [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert leaks == []
    assert KEY not in caplog.text


def test_a_connection_has_no_repr_that_a_log_could_print(store: Store, tmp_path: Path) -> None:
    providers = services(store, tmp_path, OPENAI_API_KEY=KEY)
    assert KEY not in repr(providers.connection("openai"))


def test_the_start_of_the_console_imports_no_client_library(tmp_path: Path) -> None:
    code = (
        "import sys, ba2_trade_platform.serve\n"
        "from pathlib import Path\n"
        "from tests.platforms import make_platform\n"
        f"platform = make_platform(Path({str(tmp_path)!r})); platform.start(); platform.stop()\n"
        "heavy = {'langchain', 'langchain_core', 'langgraph', 'openai', 'anthropic', 'ollama', 'chromadb'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert said.stdout.strip() == "[]"


def test_a_console_without_models_says_so_to_an_expert_that_names_none(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, catalog=Catalog(Scripted("Scripted", ask_once)))
    instance = platform.experts.create("Scripted", "Scripted", by=TRADER, max_retries=0)
    with running(platform):
        analysis_id = submit(platform, instance.id)
        drain(platform)
        assert row(platform, analysis_id).error_code == ErrorCode.BUG
