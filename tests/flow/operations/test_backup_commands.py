"""Backup commands: a real console starts on a restored database, and a missing backup is one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.browser.consoles import start_console
from tests.places import ROOT
from tests.platforms import TRADER, make_platform, practice, running, submit


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one command on the console of this folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BA2_", "PYTEST_"))}
    given = {"BA2_DATA_DIR": str(folder), "BA2_DEMO": "0", "BA2_OPERATOR": "trader", "COLUMNS": "300"}
    return subprocess.run(
        [sys.executable, "-m", "ba2_trade_platform", *words],
        cwd=ROOT, env=clean | given, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_console_starts_on_what_was_restored_with_everything_there(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    platform = make_platform(folder)
    analysis_id = submit(platform, practice(platform, seconds=0), "MSFT")
    platform.stop()
    made = command(folder, "backup", "now")
    assert "Backup made and verified" in made.stdout, made.stderr
    assert "verified" in command(folder, "backup", "list").stdout
    (backup,) = (folder / "backups").iterdir()
    platform = make_platform(folder)
    platform.analyses.delete(analysis_id, by=TRADER)
    platform.stop()
    restored = command(folder, "backup", "restore", backup.name, "--yes")
    assert "1 analyses); the database that was there is kept as" in restored.stdout, restored.stderr
    console = start_console(folder)
    try:
        console.wait_for(analysis_id, "completed")
        (listed,) = console.api.get("/backups").json()["items"]
        assert listed["file"] == str(backup)
        refused = command(folder, "backup", "restore", backup.name, "--yes")
        assert (refused.returncode, "stop it first" in refused.stderr) == (3, True)
    finally:
        assert console.stop() == 0


def test_restoring_what_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with running(make_platform(tmp_path)):
        answer = command(tmp_path, "backup", "restore", "of-tuesday", "--yes")
    assert answer.returncode == 4
    assert answer.stderr.startswith("There is no backup of-tuesday")
