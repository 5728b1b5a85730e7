"""Tracing: spans of re-runs and attempts where a collector is, and nothing of it where none is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ba2_trade_platform.core.base.errors import Refused
from tests.patience import CONSOLE_SECONDS
from tests.places import ROOT
from tests.platforms import TRADER
from tests.stepped import Desk, make_desk


@pytest.fixture
def collected() -> InMemorySpanExporter:
    """What a collector was sent."""
    return InMemorySpanExporter()


@pytest.fixture
def desk(tmp_path: Path, collected: InMemorySpanExporter) -> Iterator[Desk]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(collected))
    made = make_desk(tmp_path, tracing=provider)
    yield made
    made.close()


def told(span: ReadableSpan) -> dict[str, object]:
    """Return the attributes of a span."""
    return dict(span.attributes or {})


def test_a_failure_and_its_rerun_leave_a_span_for_each_attempt_and_one_for_the_rerun(
    desk: Desk, collected: InMemorySpanExporter
) -> None:
    analysis_id, worker = desk.submit(desk.expert()), desk.worker()
    claim = worker.claim(analysis_id)
    desk.clock.advance(3)
    worker.fail(claim)
    desk.analyses.rerun(analysis_id, by=TRADER)
    claim = worker.claim(analysis_id)
    desk.clock.advance(5)
    worker.succeed(claim)
    first, rerun, second = collected.get_finished_spans()
    assert [span.name for span in (first, rerun, second)] == ["attempt", "rerun", "attempt"]
    assert told(rerun) == {
        "analysis.id": analysis_id, "rerun.mode": "fresh", "attempt.number": 2, "error.previous": "AUTH",
    }  # fmt: skip
    assert (told(first)["error.type"], first.status.is_ok) == ("AUTH", False)
    assert (told(second)["error.previous"], told(second)["attempt.mode"]) == ("AUTH", "fresh")
    assert (second.end_time or 0) - (second.start_time or 0) == 5_000_000_000


def test_a_refused_rerun_is_a_span_that_ended_in_error(desk: Desk, collected: InMemorySpanExporter) -> None:
    analysis_id = desk.submit(desk.expert())
    with pytest.raises(Refused):
        desk.analyses.rerun(analysis_id, by=TRADER)
    (span,) = collected.get_finished_spans()
    assert not span.status.is_ok
    assert "Can only re-run failed analyses" in (span.status.description or "")


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT, timeout=CONSOLE_SECONDS
    )


def test_the_sdk_and_the_exporter_are_imported_only_when_spans_go_somewhere() -> None:
    asked = (
        "import sys, ba2_trade_platform.serve\n"
        "heavy = ('opentelemetry.sdk', 'opentelemetry.exporter', 'grpc')\n"
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    assert python(asked).stdout.strip() == "[]"


def test_a_missing_package_is_a_sentence_that_names_the_cure() -> None:
    asked = (
        "import sys; sys.modules['opentelemetry.exporter'] = None\n"
        "from ba2_trade_platform.core.base.errors import StartRefused\n"
        "from ba2_trade_platform.serve import open_tracing\n"
        "from ba2_trade_platform.settings import Settings\n"
        "try: open_tracing(Settings(_env_file=None, otlp_endpoint='http://127.0.0.1:4317'))\n"
        "except StartRefused as refused: print(refused)"
    )
    assert ".venv/bin/pip install -e '.[tracing]'" in python(asked).stdout
