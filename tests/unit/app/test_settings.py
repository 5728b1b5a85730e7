"""Settings: from the environment, .env and a TOML file, in that order; a wrong one is named in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from ba2_trade_platform.settings import Settings, SettingsError, read_settings


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, with none of our variables set."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"BA2_{name.upper()}", raising=False)
    monkeypatch.delenv("BA2_CONFIG", raising=False)


def test_the_defaults_need_nothing_and_listen_on_this_machine_only() -> None:
    settings = read_settings()
    assert (settings.host, settings.port, settings.workers, settings.demo) == ("127.0.0.1", 8080, 8, True)
    assert (settings.prices, settings.sqlite_synchronous, settings.stop_seconds) == ("demo", "FULL", 10)
    assert settings.url == f"sqlite:///{Path('data/ba2.db').absolute()}"
    assert settings.page_url == "http://127.0.0.1:8080"
    assert settings.operator_name
    assert settings.zone.key


def test_the_environment_wins_over_env_file_and_that_over_toml(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("ba2.toml").write_text('port = 1111\nworkers = 1\noperator = "toml"\n')
    Path(".env").write_text("BA2_PORT=2222\nBA2_WORKERS=2\nBA2_SOMETHING_ELSE=x\n")
    monkeypatch.setenv("BA2_PORT", "3333")
    settings = read_settings()
    assert (settings.port, settings.workers, settings.operator) == (3333, 2, "toml")
    assert read_settings(port=4444, host=None).port == 4444


def test_another_toml_file_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("desk.toml").write_text("port = 1234\n")
    monkeypatch.setenv("BA2_CONFIG", "desk.toml")
    assert read_settings().port == 1234


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BA2_PORT", "")
    assert read_settings().port == 8080


def test_lower_case_words_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BA2_LOG_LEVEL", "debug")
    monkeypatch.setenv("BA2_SQLITE_SYNCHRONOUS", "normal")
    settings = read_settings()
    assert (settings.log_level, settings.sqlite_synchronous) == ("DEBUG", "NORMAL")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("BA2_PORT", "eighty", "BA2_PORT is 'eighty': Input should be a valid integer"),
        ("BA2_PORT", "70000", "BA2_PORT is '70000': Input should be less than or equal to 65535"),
        ("BA2_WORKERS", "0", "BA2_WORKERS is '0': Input should be greater than or equal to 1"),
        ("BA2_DEMO", "perhaps", "BA2_DEMO is 'perhaps': Input should be a valid boolean"),
        ("BA2_LOG_LEVEL", "loud", "BA2_LOG_LEVEL is 'LOUD': Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("BA2_MAX_RESCUES", "-1", "BA2_MAX_RESCUES is '-1': Input should be greater than or equal to 0"),
        ("BA2_STOP_SECONDS", "soon", "BA2_STOP_SECONDS is 'soon': Input should be a valid number"),
        ("BA2_TIMEZONE", "Mars/Olympus", "BA2_TIMEZONE is 'Mars/Olympus': there is no time zone 'Mars/Olympus'"),
        ("BA2_PRICES", "oracle", "BA2_PRICES is 'oracle': Input should be 'demo', 'folder', 'yahoo' or 'alpaca'"),
        ("BA2_PRICES", "folder", "BA2_PRICES_DIR: BA2_PRICES=folder needs the folder of the price files"),
        ("BA2_CONFIG", "gone.toml", "BA2_CONFIG: there is no file gone.toml"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refusal:
        read_settings()
    assert str(refusal.value).startswith(sentence)
    assert "\n" not in str(refusal.value)


def test_an_endpoint_with_a_password_is_refused_without_saying_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BA2_OTLP_ENDPOINT", "http://desk:hunter2@collector:4317")
    with pytest.raises(SettingsError, match="BA2_OTLP_ENDPOINT: holds a user or password") as refused:
        read_settings()
    assert "hunter2" not in str(refused.value)


def test_a_toml_file_that_is_none_is_named() -> None:
    Path("ba2.toml").write_text("port = = 1\n")
    with pytest.raises(SettingsError, match=r"ba2\.toml: "):
        read_settings()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104 - compared, not bound
        ("::", "http://127.0.0.1:8080"),
        ("::1", "http://[::1]:8080"),
        ("desk.example", "http://desk.example:8080"),
    ],
)
def test_the_page_is_named_as_a_browser_on_this_machine_finds_it(host: str, url: str) -> None:
    assert read_settings(host=host).page_url == url


def test_every_setting_says_what_it_does() -> None:
    assert all(field.description for field in Settings.model_fields.values())
