"""Failure commands: the inbox, and the triage of its groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.platforms import drain, make_platform, practice, running, submit
from tests.unit.cli.command_line import Run


@pytest.fixture
def fingerprint(tmp_path: Path) -> str:
    """The only group of failures of a console that has stopped: AUTH, of two analyses."""
    platform = make_platform(tmp_path)
    with running(platform):
        expert = practice(platform, "Expired key", fail_with="AUTH")
        for symbol in ("AAPL", "MSFT"):
            submit(platform, expert, symbol)
        drain(platform)
        return platform.monitoring.failures.groups().items[0].fingerprint


def test_groups_are_listed_with_their_verdicts(run: Run, fingerprint: str) -> None:
    said = run("failures")
    assert all(
        word in said.out for word in (fingerprint, "unresolved", "AUTH", "Permanent: fix first (API key refused")
    )
    assert run("failures", "--json").json["needs_person"] == 1
    assert run("failures", "--state", "recovered").out.strip().endswith("No group is in these states.")


def test_a_group_is_resolved_ignored_and_reopened(run: Run, fingerprint: str) -> None:
    assert (
        run("resolve", fingerprint, "--reason", "new key").out == "Resolved: it leaves the inbox until it comes back\n"
    )
    assert run("failures").out.strip().endswith("Nothing needs you.")
    assert run("ignore", fingerprint, "--hours", "24").out == "Ignored for 1 d\n"
    assert run("ignore", fingerprint, "--until-more", "5").out == "Ignored until 5 more\n"
    assert run("ignore", fingerprint, "--for-ever").out == "Ignored for ever: won't fix\n"
    assert run("failures", "--state", "wont_fix", "--json").json["items"][0]["fingerprint"] == fingerprint
    assert run("reopen", fingerprint).out == "Reopened\n"


def test_a_group_is_rerun_as_a_bulk_object(run: Run, fingerprint: str) -> None:
    said = run("rerun-group", fingerprint, "--json")
    assert (said.code, said.json["will_run"]) == (0, 2)
    assert said.err.startswith("No console is running")


@pytest.mark.parametrize("wish", [(), ("--hours", "1", "--for-ever")])
def test_for_how_long_it_is_ignored_must_be_said_once(run: Run, fingerprint: str, wish: tuple[str, ...]) -> None:
    said = run("ignore", fingerprint, *wish)
    assert (said.code, said.err) == (2, "Say for how long: --hours, --until-more or --for-ever\n")


def test_a_group_that_is_not_there_is_not_found(run: Run) -> None:
    said = run("resolve", "f00")
    assert (said.code, said.err) == (4, "There is no group of failures f00\n")
