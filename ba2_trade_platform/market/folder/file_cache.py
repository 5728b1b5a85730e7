"""File cache: keeps parsed files until one of them changes on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

T = TypeVar("T")
Stamp = tuple[Path, int, int, int] | None


class FileCache:
    """Values by key, each with name, time of change, size and inode of the files it was made of. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._kept: dict[str, tuple[list[Stamp], Any]] = {}

    def get(self, key: str, paths: Sequence[Path], make: Callable[[], T]) -> T:
        """Return the value of `key`, made anew when one of `paths` appeared, vanished or changed."""
        with self._lock:
            stamps = [_stamp(path) for path in paths]
            kept = self._kept.get(key)
            if kept is None or kept[0] != stamps:
                kept = (stamps, make())
                self._kept[key] = kept
            return cast("T", kept[1])


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return path, status.st_mtime_ns, status.st_size, status.st_ino
