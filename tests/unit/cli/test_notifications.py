"""Notification commands: a channel is tested, and a desk without one says where to add it."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.hook_server import hook_server
from tests.platforms import TRADER, make_platform
from tests.unit.cli.command_line import Run


def test_a_desk_without_channels_says_where_to_add_one(run: Run) -> None:
    assert run("notify", "channels").out == "No channels. Add one on the page Notifications.\n"
    missing = run("notify", "test", "Phone")
    assert (missing.code, missing.err) == (4, "There is no notification channel Phone; there are: none\n")


def test_a_channel_is_tested(run: Run, tmp_path: Path) -> None:
    with hook_server() as hooks:
        platform = make_platform(tmp_path)
        platform.notifications.channels.create("Hook", hooks.url(), by=TRADER)
        platform.stop()
        said = run("notify", "test", "hook")
        assert (said.code, said.out.startswith("Hook took the test message in ")) == (0, True)
        assert hooks.titles == ["Test of BA2 Trade Platform"]
        hooks.answers.append(500)
        said = run("notify", "test", "1")
        assert (said.code, "500" in said.err) == (5, True)
        assert "Hook: JSON (json://127.0.0.1:" in run("notify", "channels").out
        assert run("notify", "sent").out == "No messages.\n"
