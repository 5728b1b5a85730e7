"""Archive files: zip files outside the database with a member for each attempt, readable by any tool."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from ba2_trade_platform.core.base.errors import NotFound

DRAFT = ".part"


class Packable(NamedTuple):
    """One attempt's archive, ready to be written."""

    analysis_id: int
    number: int
    contents: Any
    traceback: str | None


class ArchiveFiles:
    """Writes and reads the zip files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, archives: Iterable[Packable], at: datetime) -> Path:
        """Write these into a new file and return it: it is complete and on the disk, or it is not there.

        Raises OSError when it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for abandoned in self.folder.glob(f"*{DRAFT}"):  # of a console that was killed while it wrote
            abandoned.unlink()
        file = self._free_name(at)
        draft = file.with_name(file.name + DRAFT)
        with draft.open("wb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
                for archive in archives:
                    left = {"contents": archive.contents, "traceback": archive.traceback}
                    packed.writestr(member(archive.analysis_id, archive.number), json.dumps(left))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
        _sync_folder(self.folder)
        return file

    def read(self, name: str, analysis_id: int, number: int) -> tuple[dict[str, Any], str | None]:
        """Return the contents and the traceback of an attempt; raises NotFound with a sentence that names the file."""
        file = self.folder / name
        about = f"What attempt {number} of analysis {analysis_id} left was packed away into {file}"
        try:
            with zipfile.ZipFile(file) as packed:
                left = json.loads(packed.read(member(analysis_id, number)))
        except FileNotFoundError as error:
            sentence = f"{about}, which is not there; put the file back to read it"
            raise NotFound(sentence, code="ARCHIVE_MISSING", file=name) from error
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            sentence = f"{about}, which cannot be read: {error}"
            raise NotFound(sentence, code="ARCHIVE_UNREADABLE", file=name) from error
        return left["contents"] or {}, left["traceback"]

    def _free_name(self, at: datetime) -> Path:
        stem = f"attempts-{at:%Y%m%d-%H%M%S}"
        names = (f"{stem}{f'-{count}' if count else ''}.zip" for count in range(10_000))
        return next(file for name in names if not (file := self.folder / name).exists())


def member(analysis_id: int, number: int) -> str:
    """Return the name of an attempt's member."""
    return f"analysis-{analysis_id}/attempt-{number}.json"


def _sync_folder(folder: Path) -> None:
    """Have the new name survive a power cut too; only POSIX can open a folder."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
