"""Settings: read once from environment, `.env` and TOML and passed in, so that a wrong value stops the start."""

from __future__ import annotations

import getpass
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

import tzlocal
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

CONFIG_VARIABLE = "BA2_CONFIG"
DEFAULT_CONFIG = "ba2.toml"


class SettingsError(ValueError):
    """A setting has a wrong value; the sentence names it."""


class Settings(BaseSettings):
    """Everything that can be set; each field is BA2_ and its name in capitals, or its name in the TOML file."""

    model_config = SettingsConfigDict(
        env_prefix="BA2_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data_dir: Path = Field(Path("data"), description="Folder of the database, its backups and the log")
    database_url: str = Field("", description="`sqlite:///PATH`; empty: `ba2.db` in the data folder")
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on; 127.0.0.1 is this machine only")
    port: int = Field(8080, ge=1, le=65535, description="Port to listen on")
    workers: int = Field(
        8,
        ge=1,
        le=256,
        description="Slots: analyses that run at once, until changed on the page, which survives restarts",
    )
    demo: bool = Field(True, description="Load the demo desk into an empty database")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="How much is logged: DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Lines of the log file: text, or json with every key a line has, for programs"
    )
    otlp_endpoint: str = Field(
        "",
        description="OpenTelemetry spans of re-runs and attempts go there, `http://HOST:4317`; needs "
        "`.venv/bin/pip install -e '.[tracing]'`",
    )
    archive_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="Archives of attempts older than this may be packed away into zip files; 0 keeps them in the "
        "database for ever",
    )
    backup_at: str = Field(
        "02:00", description="When the database is backed up each day, HH:MM in the desk's zone; 0: never by itself"
    )
    backup_days: int = Field(7, ge=0, le=36_500, description="How many days backups are kept; 0 keeps all of them")
    sqlite_synchronous: Literal["OFF", "NORMAL", "FULL", "EXTRA"] = Field(
        "FULL", description="SQLite's synchronous mode; FULL survives a power cut"
    )
    max_rescues: int = Field(5, ge=0, le=100, description="How often an analysis is begun anew after its worker died")
    breaker_failures: int = Field(
        10, ge=0, le=10_000, description="Equal failures of one provider that open its breaker; 0 never opens one"
    )
    breaker_window_seconds: float = Field(60, gt=0, le=86_400, description="Within how long these failures must come")
    breaker_cooldown_seconds: float = Field(
        30, gt=0, le=3600, description="How long an open breaker waits for its first probe; doubled by each that fails"
    )
    breaker_longest_cooldown_seconds: float = Field(
        600, gt=0, le=86_400, description="The longest wait between two probes, however many have failed"
    )
    breaker_drain_per_minute: int = Field(
        60, ge=1, le=100_000, description="How many waiting retries a minute go once a probe has succeeded"
    )
    stop_seconds: float = Field(10, ge=0, le=600, description="How long a stop waits for experts that do not stop")
    rerun_enabled: bool = Field(True, description="0 switches the re-run off everywhere")
    reruns_per_minute: int = Field(
        300, ge=0, le=1_000_000, description="Re-runs one actor may ask for within a minute; 0 is no limit"
    )
    connections: int = Field(1000, ge=10, le=100_000, description="Connections at once; more are answered with 503")
    outbound_private: bool = Field(
        False,
        description="1: channels, heartbeat and model addresses may lead into private networks although other machines "
        "reach this console; one that listens on its own machine only needs no leave",
    )
    channel_services: str = Field(
        "",
        pattern=r"^[a-z0-9, ]*$",
        max_length=500,
        description="Services of Apprise that notifications may use besides mail, Telegram, Slack, Discord, ntfy and "
        "JSON webhooks, such as `pover, matrix`",
    )
    langsmith: bool = Field(
        False, description="1: LangSmith gets prompts and answers where LANGSMITH_TRACING says so; 0: never"
    )
    body_mb: float = Field(1, gt=0, le=100, description="The largest body of a request in MB")
    import_mb: float = Field(8, gt=0, le=1000, description="The largest file that is imported or uploaded, in MB")
    operator: str = Field(
        "", max_length=80, description="Who works here; attempts and the activity log name them. Empty: the login name"
    )
    timezone: str = Field(
        "", description="IANA zone of days and schedules; a browser may show its own. Empty: this machine's"
    )
    notifications_per_hour: int = Field(
        30,
        ge=1,
        le=10_000,
        description="Messages a notification channel gets within an hour; what comes on top is told in one more. "
        "Urgent ones are counted apart",
    )
    memory: bool = Field(True, description="0: experts neither learn from what became of their decisions nor recall it")
    memory_embedder: str = Field(
        "hashing",
        pattern=r"^(hashing|wordllama|[a-z_]+:\S+)$",
        max_length=120,
        description="How lessons are compared: `hashing` (words, needs nothing), `wordllama` (meaning; "
        "`.venv/bin/pip install -e '.[semantic]'`), or PROVIDER:MODEL of an embedding model, which each lesson "
        "is sent to",
    )
    pending_alert_minutes: int = Field(
        60, ge=0, le=100_000, description="An analysis that is pending for longer raises an alert; 0 never does"
    )
    prices: Literal["demo", "folder", "yahoo", "alpaca"] = Field(
        "demo", description="Where prices come from, and with them the market's clock: docs/prices.md"
    )
    alpaca_key: SecretStr = Field(SecretStr(""), description="The key of BA2_PRICES=alpaca; never shown")
    alpaca_secret: SecretStr = Field(SecretStr(""), description="The secret that belongs to the key; never shown")
    prices_dir: Path | None = Field(
        None, description="Folder of price files, for BA2_PRICES=folder: docs/price-folder.md"
    )
    research_dir: Path | None = Field(
        None,
        description="Folder of `news.csv`, `figures.csv` and `posts.csv`, docs/research-folder.md; empty: the "
        "dividends and splits of the demo market, no news",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment, then .env, then the TOML file."""
        toml = TomlConfigSettingsSource(settings_cls, os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)
        return init_settings, env_settings, dotenv_settings, toml

    @field_validator("log_level", "sqlite_synchronous", "log_format", mode="before")
    @classmethod
    def _case(cls, value: object, field: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        return value.lower() if field.field_name == "log_format" else value.upper()

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value and value not in available_timezones():
            raise ValueError(f"there is no time zone {value!r}; for example Europe/Berlin")
        return value

    @field_validator("backup_at")
    @classmethod
    def _time_of_day(cls, value: str) -> str:
        if value not in {"", "0"} and not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", value):
            raise ValueError("a time of day is HH:MM, for example 02:00; 0 for never")
        return value

    @model_validator(mode="after")
    def _tracing(self) -> Settings:
        # Not as a field's validator: the sentence of one says what was given.
        if "@" in self.otlp_endpoint:
            raise ValueError(
                "otlp_endpoint: holds a user or password, which logs would show; OTEL_EXPORTER_OTLP_HEADERS has them"
            )
        return self

    @model_validator(mode="after")
    def _folder(self) -> Settings:
        if self.prices == "folder" and self.prices_dir is None:
            raise ValueError("prices_dir: BA2_PRICES=folder needs the folder of the price files")
        return self

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'ba2.db').absolute()}"

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone of days, "today" and schedules."""
        return ZoneInfo(self.timezone or tzlocal.get_localzone_name() or "UTC")

    @cached_property
    def operator_name(self) -> str:
        """Who works here."""
        try:
            return self.operator or getpass.getuser()
        except (OSError, KeyError, ImportError):  # no login name, as in some containers
            return "operator"

    @property
    def is_local(self) -> bool:
        """Whether this machine alone reaches the console."""
        return self.host.lower() in {"127.0.0.1", "::1", "localhost"}

    @property
    def services(self) -> tuple[str, ...]:
        """The services that channels may use besides the usual ones."""
        return tuple(self.channel_services.replace(",", " ").split())

    @property
    def page_url(self) -> str:
        """Where a browser on this machine finds the console."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"BA2_{name.upper()}"


def read_settings(**given: object) -> Settings:
    """Return the settings, `given` ones first; raises SettingsError with one sentence that names the wrong setting."""
    config = os.environ.get(CONFIG_VARIABLE)
    if config and not Path(config).is_file():
        raise SettingsError(f"{CONFIG_VARIABLE}: there is no file {config}")
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        problem = error.errors()[0]
        message = str(problem["msg"]).removeprefix("Value error, ")
        if not problem["loc"]:
            name, _, message = message.partition(": ")
            raise SettingsError(f"{variable(name)}: {message}") from error
        shown = repr(problem["input"])[:80]
        raise SettingsError(f"{variable(str(problem['loc'][0]))} is {shown}: {message}") from error
    except ValueError as error:  # a TOML file that is none
        raise SettingsError(f"{config or DEFAULT_CONFIG}: {error}") from error
