"""Known windows: the dated table, and the order of the sources."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.core.contracts.dialects import Adaptation
from ba2_trade_platform.core.models.dialects import BY_NAME
from ba2_trade_platform.core.models.windows import known_windows, window_of
from ba2_trade_platform.vocabulary import ProviderKind
from tests.flow.llm.model_desk import ModelDesk, model_desk

OURS = {"window": 7000}
SET = "tokens (as set on Providers)"
SEEN = Adaptation("window", 9000, "its server says so", datetime(2026, 11, 30, tzinfo=UTC))


def words(desk: ModelDesk, model: str, *, asked: bool = False, **values: Any) -> str | None:
    """Return the window of a provider's model, in words."""
    desk.add("local", values.pop("url", "http://127.0.0.1:9/v1"), **values)
    if asked:
        desk.providers.adapt("local", model, SEEN)
    window = window_of(desk.providers.get("local"), model)
    return window.words if window else None


@pytest.mark.parametrize(
    ("model", "values", "said"),
    [
        ("gpt-4o-2024-08-06", {"dialect": "openai"}, "128,000 tokens (known)"),
        ("gpt-5", {"dialect": "openai"}, "400,000 tokens (known)"),
        ("gpt-5-chat-latest", {"dialect": "openai"}, "128,000 tokens (known)"),
        ("gpt-9", {"dialect": "openai"}, None),
        ("kimi-k2-0711-preview", {"dialect": "kimi"}, "131,072 tokens (known)"),
        ("glm-9", {"dialect": "glm"}, "131,072 tokens (usual of its vendor)"),
        ("anything", {}, None),
        ("anything", {"asked": True}, "9,000 tokens (as its server says)"),
        ("anything", {"asked": True, "dialect_changes": OURS}, f"7,000 {SET}"),
        ("anything", {"dialect_changes": OURS, "windows": {"anything": 8000}}, f"8,000 {SET}"),
        ("another", {"dialect_changes": OURS, "windows": {"anything": 8000}}, f"7,000 {SET}"),
    ],
)  # fmt: skip
def test_what_a_person_set_counts_before_the_server_and_the_table(
    tmp_path: Path, model: str, values: dict[str, Any], said: str | None
) -> None:
    with model_desk(tmp_path) as desk:
        assert words(desk, model, **values) == said


def test_claude_is_known_by_its_dated_name(tmp_path: Path) -> None:
    with model_desk(tmp_path) as desk:
        given = {"url": "http://127.0.0.1:9", "kind": ProviderKind.ANTHROPIC}
        assert words(desk, "claude-sonnet-4-5-20250929", **given) == "200,000 tokens (known)"


def test_every_line_of_the_table_is_of_a_known_vendor_and_dated() -> None:
    assert len(known_windows()) > 40
    for one in known_windows():
        assert one.vendor in BY_NAME
        assert 256 <= one.tokens <= 100_000_000
        assert "2026-" in one.source
    names = [(one.vendor, one.model) for one in known_windows()]
    assert len(set(names)) == len(names)
