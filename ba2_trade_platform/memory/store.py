"""Vector store: lessons in an embedded Chroma, used by one process, with every error as MEMORY_STORE.

Decision record: docs/decisions/0013.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.memory.embedders import Embedder, trouble

BATCH = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Entry:
    """One lesson as it is found again: by the likeness of its situation, and only by who may know its outcome."""

    key: str
    text: str
    analysis_id: int
    known_at: datetime
    symbol: str
    action: str

    @property
    def metadata(self) -> dict[str, int | str]:
        """Return what a scope is compared with."""
        known_at = _microseconds(self.known_at)
        return {"known_at": known_at, "analysis_id": self.analysis_id, "symbol": self.symbol, "action": self.action}


@dataclass(frozen=True)
class Scope:
    """Which lessons may be found: those whose outcome was known at `known_by`, none of the analysis `not_of`, ..."""

    known_by: datetime | None = None
    not_of: int | None = None
    symbol: str | None = None
    action: str | None = None

    def where(self) -> dict[str, Any] | None:
        """Return this as Chroma's filter."""
        conditions: list[dict[str, Any]] = []
        if self.known_by is not None:
            conditions.append({"known_at": {"$lte": _microseconds(self.known_by)}})
        if self.not_of is not None:
            conditions.append({"analysis_id": {"$ne": self.not_of}})
        conditions += [{name: value} for name, value in (("symbol", self.symbol), ("action", self.action)) if value]
        if len(conditions) > 1:
            return {"$and": conditions}
        return conditions[0] if conditions else None


class VectorStore:
    """Opens on first use. Not thread-safe: one thread only calls it. Every method raises ExpertError MEMORY_STORE."""

    def __init__(self, folder: Path, open_embedder: Callable[[], Embedder]) -> None:
        self.folder = folder.resolve()  # Chroma tells stores apart by the text of their path
        self._open_embedder = open_embedder
        self._embedder: Embedder | None = None
        self._client: Any = None
        self._collection: Any = None
        self._lock = FileLock(self.folder.parent / f"{self.folder.name}.lock")

    def count(self) -> int:
        """Return how many lessons are in it."""
        with self._opened() as (_, collection):
            return int(collection.count())

    def keys(self) -> set[str]:
        """Return the keys of all lessons in it."""
        with self._opened() as (_, collection):
            return set(collection.get(include=[])["ids"])

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Put lessons in, or in their old place; at most BATCH at once."""
        with self._opened() as (embedder, collection):
            collection.upsert(
                ids=[entry.key for entry in entries],
                embeddings=embedder.embed([entry.text for entry in entries]),
                metadatas=[entry.metadata for entry in entries],
            )

    def delete(self, keys: Sequence[str]) -> None:
        """Take lessons out; those that are not in it do not matter."""
        with self._opened() as (_, collection):
            collection.delete(ids=list(keys))

    def nearest(self, text: str, limit: int, scope: Scope) -> dict[str, float]:
        """Return the cosine, at most 1, of the lessons within `scope` most like `text` by key, the most similar first.

        None is below the floor.
        """
        with self._opened() as (embedder, collection):
            found = collection.query(
                query_embeddings=embedder.embed([text]), n_results=limit, where=scope.where(), include=["distances"]
            )
            cosines = [round(1 - float(distance), 4) for distance in found["distances"][0]]
            pairs = zip(found["ids"][0], cosines, strict=True)
            return {key: cosine for key, cosine in pairs if cosine >= embedder.floor}

    def start_anew(self, *, keep: bool) -> Path | None:
        """Begin with an empty store; `keep` moves the old one aside and returns where to, else it is removed."""
        self.close()
        self._hold()
        if not self.folder.exists():
            return None
        aside = self.folder.with_name(f"{self.folder.name}-aside-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
        try:
            self.folder.rename(aside)
        except OSError as error:
            raise trouble(f"{self.folder} cannot be moved aside: {error.strerror}") from error
        if keep:
            return aside
        shutil.rmtree(aside, ignore_errors=True)
        return None

    def close(self) -> None:
        """Let go of the files; the next use opens them again."""
        client, self._client, self._collection = self._client, None, None
        if client is not None:
            with suppress(Exception):  # a client in trouble may have nothing left to close
                client.close()
        self._lock.release(force=True)  # it counts how often it was taken

    @contextmanager
    def _opened(self) -> Iterator[tuple[Embedder, Any]]:
        """Give the embedder and the collection; what goes wrong closes the store, so that the next use begins anew."""
        try:
            if self._embedder is None:
                self._embedder = self._open_embedder()
            if self._collection is None:
                self._open(self._embedder)
            yield self._embedder, self._collection
        except (ExpertError, KeyboardInterrupt, SystemExit):
            self.close()
            raise
        except BaseException as error:  # a damaged file makes Chroma's core panic, which is no Exception
            self.close()
            # Have Chroma forget what it half opened, or it would give the same broken client for this path for ever.
            if clients := sys.modules.get("chromadb.api.shared_system_client"):
                clients.SharedSystemClient.clear_system_cache()
            reason = re.sub(r"\s+", " ", str(error))[:300] or "no reason was given"
            raise trouble(f"The memory store failed ({type(error).__name__}): {reason}") from error

    def _open(self, embedder: Embedder) -> None:
        self._hold()
        import chromadb  # noqa: PLC0415 - a second, and 300 MB of packages
        from chromadb.config import Settings  # noqa: PLC0415

        self._client = chromadb.PersistentClient(str(self.folder), Settings(anonymized_telemetry=False))
        self._collection = self._client.get_or_create_collection(
            f"lessons-{embedder.name}-{embedder.size}",  # another embedder, or another size, never meets old vectors
            embedding_function=None,
            configuration={"hnsw": {"space": "cosine"}},
        )

    def _hold(self) -> None:
        """Take the folder for this process: two clients on one path spoil its files."""
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise trouble("The memory store is in use by another program") from error
        except OSError as error:
            raise trouble(f"{self.folder} cannot be written: {error.strerror}") from error


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND
