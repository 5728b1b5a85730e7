"""Embedders: turn texts into vectors for the search by likeness; the default needs no file or network."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import ErrorCode

Vectors = NDArray[np.float32]
HASHING = "hashing"
WORDLLAMA = "wordllama"
NO_WORDLLAMA = "BA2_MEMORY_EMBEDDER=wordllama needs .venv/bin/pip install -e '.[semantic]'"
_WORD = re.compile(r"[^\W_]+")


class Embedder(Protocol):
    """Makes vectors of one size. `floor`: texts less alike than this cosine have nothing to do with each other.

    `name` changes when its vectors do, so that old and new ones never meet. Blocking.
    """

    name: str
    size: int
    floor: float

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return vectors of unit length, shape (len(texts), size); raises ExpertError MEMORY_STORE."""


class HashingEmbedder:
    """Counts words and pairs of words in slots that their hashes choose: the same on every machine, for ever."""

    name = "hashing-1"
    size = 1024
    floor = 0.1

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return vectors of unit length; a text without a word is all zeros but for its first slot."""
        vectors = np.zeros((len(texts), self.size), dtype=np.float32)
        for row, text in enumerate(texts):
            words = _WORD.findall(text.lower())
            pairs = (f"{first} {second}" for first, second in itertools.pairwise(words))
            for term, count in Counter((*words, *pairs)).items():
                weight = 1 + np.log(count)
                # Two slots a term: where two terms share one by chance, the other still tells them apart.
                for place in _hashes(term):
                    vectors[row, place % self.size] += weight if place & 1 << 31 else -weight
        return _unit(vectors)


class WordLlamaEmbedder:
    """Small word vectors that know synonyms; the weights come with the package, nothing is ever downloaded."""

    name = "wordllama-256"
    size = 256
    floor = 0.3

    def __init__(self) -> None:
        try:
            import wordllama  # noqa: PLC0415 - an extra, and half a second
        except ImportError as error:
            raise trouble(NO_WORDLLAMA) from error
        folder = Path(wordllama.__file__).parent
        try:
            self._model: Any = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
        except (OSError, ValueError) as error:
            raise trouble(f"The weights of wordllama cannot be read: {error}") from error

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return vectors of unit length."""
        return _unit(np.asarray(self._model.embed(list(texts)), dtype=np.float32))


class ProviderEmbedder:
    """A model provider's embeddings; each text goes to the provider and costs what it asks for it."""

    floor = 0.2

    def __init__(self, model: str) -> None:
        self.name = re.sub(r"[^a-zA-Z0-9]+", "-", model).strip("-")
        try:
            from langchain.embeddings import init_embeddings  # noqa: PLC0415 - seconds, and only for who wants it

            self._model: Any = init_embeddings(model)
        except Exception as error:  # whatever the vendor's package raises
            raise trouble(f"BA2_MEMORY_EMBEDDER={model} cannot be used: {error}") from error
        self.size = len(self.embed(["size"])[0])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return vectors of unit length."""
        try:
            return _unit(np.asarray(self._model.embed_documents(list(texts)), dtype=np.float32))
        except Exception as error:  # whatever the vendor's package raises
            # Not its own words: some servers repeat the key in them, and this sentence is kept.
            raise trouble(f"The provider of embeddings failed ({type(error).__name__})") from error


def missing_package(choice: str) -> str | None:
    """Say what has to be installed for this choice, None when nothing; imports nothing."""
    return NO_WORDLLAMA if choice == WORDLLAMA and find_spec(WORDLLAMA) is None else None


def open_embedder(choice: str) -> Embedder:
    """Return the embedder of BA2_MEMORY_EMBEDDER; raises ExpertError MEMORY_STORE with what to do about it."""
    if choice == HASHING:
        return HashingEmbedder()
    return WordLlamaEmbedder() if choice == WORDLLAMA else ProviderEmbedder(choice)


def trouble(sentence: str) -> ExpertError:
    """Return the failure of everything that the memory needs."""
    return ExpertError(ErrorCode.MEMORY_STORE, sentence)


@lru_cache(maxsize=1 << 16)
def _hashes(term: str) -> tuple[int, int]:
    digest = hashlib.blake2b(term.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:], "big")


def _unit(vectors: Vectors) -> Vectors:
    vectors = np.nan_to_num(vectors)
    vectors[~vectors.any(axis=1), 0] = 1  # a text without a word still needs a direction
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit
