"""Embedders and the memory's own thread: it never holds an exit up, and a start imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.memory.embedders import Embedder, HashingEmbedder, WordLlamaEmbedder
from ba2_trade_platform.memory.single_thread import SingleThread
from ba2_trade_platform.settings import Settings, SettingsError, read_settings
from tests.patience import CONSOLE_SECONDS, EVENT_SECONDS

TEXTS = ("The trend is up and momentum is strong", "The trend is up, momentum strong", "Earnings missed", "", "\ud800")


@pytest.fixture(params=[HashingEmbedder, WordLlamaEmbedder])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    """Each embedder that needs no network."""
    made: Embedder = request.param()
    return made


def test_vectors_are_of_unit_length_the_same_each_time_and_like_texts_are_near(embedder: Embedder) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in TEXTS]
    vectors = embedder.embed(texts)
    assert vectors.shape == (len(TEXTS), embedder.size)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors, embedder.embed(texts))
    assert vectors[0] @ vectors[1] > embedder.floor > vectors[0] @ vectors[2]


def python(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=CONSOLE_SECONDS
    )
    return done.stdout.strip()


def test_an_extra_that_is_not_installed_says_how_to_install_it() -> None:
    said = python(
        "import sys; sys.modules['wordllama'] = None\n"
        "from ba2_trade_platform.memory.embedders import open_embedder\n"
        "try: open_embedder('wordllama')\n"
        "except Exception as error: print(error.code.value, error)"
    )
    assert said == "MEMORY_STORE BA2_MEMORY_EMBEDDER=wordllama needs .venv/bin/pip install -e '.[semantic]'"


def test_an_embedding_model_without_its_key_is_a_sentence() -> None:
    said = python(
        "import os; os.environ.pop('OPENAI_API_KEY', None)\n"
        "from ba2_trade_platform.memory.embedders import open_embedder\n"
        "try: open_embedder('openai:text-embedding-3-small')\n"
        "except Exception as error: print(error.code.value, error)"
    )
    assert said.startswith("MEMORY_STORE BA2_MEMORY_EMBEDDER=openai:text-embedding-3-small cannot be used:")


def test_a_start_imports_neither_the_store_nor_an_embedder() -> None:
    heavy = python(
        "import sys, ba2_trade_platform.app, ba2_trade_platform.ui.routes, ba2_trade_platform.api.register\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'chromadb', 'wordllama', 'langchain', 'apscheduler'}))"
    )
    assert heavy == ""


@pytest.mark.parametrize("choice", ["hashing", "wordllama", "openai:text-embedding-3-small"])
def test_embedders_are_chosen_by_a_setting(choice: str) -> None:
    assert Settings(_env_file=None, memory_embedder=choice).memory_embedder == choice


def test_an_embedder_that_is_none_stops_the_start_with_a_sentence() -> None:
    with pytest.raises(SettingsError, match="BA2_MEMORY_EMBEDDER is 'hash'"):
        read_settings(memory_embedder="hash")


def test_work_is_done_in_order_and_errors_are_handed_over() -> None:
    thread, done = SingleThread("test"), []

    def fail() -> None:
        raise ValueError("broken")

    first, failed, last = thread.submit(lambda: done.append(1)), thread.submit(fail), thread.submit(lambda: 3)
    assert last.result(EVENT_SECONDS) == 3
    assert first.done()
    with pytest.raises(ValueError, match="broken"):
        failed.result(EVENT_SECONDS)
    assert thread.stop(EVENT_SECONDS)
    with pytest.raises(Unavailable, match="the console is stopping"):
        thread.submit(lambda: 4).result(EVENT_SECONDS)


def test_work_that_hangs_does_not_hold_the_stop_up() -> None:
    thread, gate = SingleThread("test"), threading.Event()
    thread.submit(gate.wait)
    assert not thread.stop(0.05)
    gate.set()
    assert thread.stop(EVENT_SECONDS)
