"""Settings listing: names each setting with its value, origin and meaning."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import SecretStr

from ba2_trade_platform.settings import CONFIG_VARIABLE, DEFAULT_CONFIG, Settings, variable


def listed(settings: Settings) -> list[dict[str, Any]]:
    """Return each setting's variable, value, origin and description."""
    written = {name.upper() for name, value in dotenv_values(".env").items() if value}
    present = {name.upper() for name, value in os.environ.items() if value}
    return [
        {
            "name": variable(name),
            "value": _plain(getattr(settings, name)),
            "from": _origin(variable(name), name in settings.model_fields_set, present, written),
            "description": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]


def _origin(name: str, is_set: bool, present: set[str], written: set[str]) -> str:
    if not is_set:
        return "default"
    if name in present:
        return "environment"
    return ".env" if name in written else os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path | SecretStr) else value  # a secret shows asterisks
