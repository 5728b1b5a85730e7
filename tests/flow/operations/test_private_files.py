"""Private files: no neighbour on the machine reads a file of the console, with any umask."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.harness import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")


def command(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one command under the most generous umask there is."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BA2_")}
    environment |= {"BA2_DATA_DIR": str(folder), **variables}
    return subprocess.run(
        [sys.executable, "-m", "ba2_trade_platform", *words],
        cwd=ROOT, env=environment, umask=0, text=True, capture_output=True, check=False,
    )  # fmt: skip


def open_to_others(folder: Path) -> Iterator[str]:
    """Return what others than its owner may read, write or enter."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink() and path.stat().st_mode & 0o077:
            yield f"{path.name} {stat.filemode(path.stat().st_mode)}"


def test_a_new_data_folder_is_private_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert command(folder, "list").returncode == 0
    made = command(folder, "backup", "now")
    assert made.returncode == 0, made.stderr
    assert (folder / "ba2.db").exists()
    assert list((folder / "backups").glob("*.db"))
    assert list(open_to_others(folder)) == []


def test_an_older_folder_is_tightened_and_says_so_once(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    command(folder, "seed-demo")
    (folder / "logs").mkdir(exist_ok=True)
    (folder / "logs" / "console.log").write_text("")
    (folder / "notes.txt").write_text("the trader's own")
    for path in folder.rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    (folder / "away").symlink_to(tmp_path)
    folder.chmod(0o755)
    assert command(folder, "list").returncode == 0
    assert list(open_to_others(folder)) == ["notes.txt -rw-rw-rw-"]  # in a folder that nobody else comes into
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o644, 0o666], ids=oct)
def test_a_restored_database_and_what_it_replaced_are_private_whatever_their_modes_were(
    tmp_path: Path, mode: int
) -> None:
    data, desk = tmp_path / "data", tmp_path / "desk[1]"
    desk.mkdir()
    desk.chmod(0o755)  # the trader's own, which others come into
    url = {"BA2_DATABASE_URL": f"sqlite:///{desk / 'x.db'}"}
    assert command(data, "backup", "now", **url).returncode == 0
    [backup] = (data / "backups").glob("*.db")
    for _ in range(2):
        backup.chmod(mode)
        (desk / "x.db").chmod(mode)
        restored = command(data, "backup", "restore", backup.name, "--yes", **url)
        assert restored.returncode == 0, restored.stderr
        assert list(open_to_others(desk)) == [f"{desk.name} drwxr-xr-x"]
    [*_, kept] = desk.glob("x-before-restore-*")
    for path in (kept, desk / "x.db"):
        path.chmod(mode)
    assert command(data, "list", **url).returncode == 0
    assert list(open_to_others(desk)) == [f"{desk.name} drwxr-xr-x"]
    assert stat.S_IMODE(backup.stat().st_mode) == mode  # in a folder that nobody else comes into


def test_a_data_folder_is_tightened_though_its_database_lies_in_a_private_one(tmp_path: Path) -> None:
    data, desk = tmp_path / "data", tmp_path / "desk"
    desk.mkdir(0o700)
    url = {"BA2_DATABASE_URL": f"sqlite:///{desk / 'x.db'}"}
    assert command(data, "backup", "now", **url).returncode == 0
    [backup] = (data / "backups").glob("*.db")
    for path in (data, data / "backups", backup):
        path.chmod(0o777)
    assert command(data, "list", **url).returncode == 0
    assert list(open_to_others(data)) == ["data drwxrwxrwx"]


def test_a_folder_that_cannot_be_written_is_a_sentence_and_exit_code_3(tmp_path: Path) -> None:
    for folder in (Path("/proc/ba2"), tmp_path / "file" / "data"):
        (tmp_path / "file").write_text("no folder")
        said = command(folder, "list")
        assert said.returncode == 3, said.stderr
        assert "cannot be written" in said.stderr
        assert "Traceback" not in said.stderr


def test_a_lock_that_cannot_be_had_is_a_sentence(tmp_path: Path) -> None:
    command(tmp_path, "seed-demo")
    shutil.rmtree(tmp_path / "ba2.db.lock", ignore_errors=True)
    (tmp_path / "ba2.db.lock").unlink(missing_ok=True)
    (tmp_path / "ba2.db.lock").mkdir()
    said = command(tmp_path, "list")
    assert said.returncode == 3, said.stderr
    assert "cannot be written" in said.stderr
    assert "Traceback" not in said.stderr
