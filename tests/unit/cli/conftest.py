"""Command-line fixtures: commands run in the test's own folder, on a database of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from ba2_trade_platform.cli.commands import main
from ba2_trade_platform.settings import Settings
from tests.platforms import drain, make_platform, practice, running, submit
from tests.unit.cli.command_line import Run, Said


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command in this test's own folder; no demo."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"BA2_{name.upper()}", raising=False)
    for name, value in {"DATA_DIR": str(tmp_path), "DEMO": "0", "OPERATOR": "trader", "TIMEZONE": "Asia/Tokyo"}.items():
        monkeypatch.setenv(f"BA2_{name}", value)

    def command(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        printed = capsys.readouterr()
        return Said(int(left.value.code or 0), printed.out, printed.err)

    return command


@pytest.fixture
def prepared(tmp_path: Path, run: Run) -> tuple[int, int]:
    """A database that no console holds, with a completed and a failed analysis; returns their ids."""
    with running(make_platform(tmp_path)) as platform:
        completed = submit(platform, practice(platform, "Completes"))
        failed = submit(platform, practice(platform, "Fails", fail_with="AUTH"), "MSFT")
        drain(platform)
    return completed, failed
