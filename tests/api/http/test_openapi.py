"""OpenAPI: the API keeps to its own document and never answers 500, however odd the request."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.schemas import APIOperation, BaseSchema

from ba2_trade_platform.api.register import create_api
from tests.platforms import drain, make_platform, practice, running, submit
from tests.served import console

load_all_checks()
bounded = settings(
    max_examples=12, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseSchema]:
    """The document of a console that works, with a completed analysis 1 and a failed analysis 2."""
    with running(make_platform(tmp_path_factory.mktemp("console"), host="testserver")) as platform:
        submit(platform, practice(platform, "Completes"))
        failing = submit(platform, practice(platform, "Fails", fail_with="AUTH", recommend_before_failing=True))
        drain(platform)
        assert platform.monitoring.details.row(failing).error_code == "AUTH"
        yield schemathesis.openapi.from_asgi("/openapi.json", create_api(platform))


def operations(document: BaseSchema) -> list[APIOperation[Any, Any, Any, Any]]:
    """Return every operation, those that take something away last."""
    found = [result.ok() for result in document.get_all_operations()]
    return sorted(found, key=lambda operation: operation.method == "delete")


def try_out(operation: APIOperation[Any, Any, Any, Any], **given_ids: int) -> None:
    """Send what Hypothesis makes up, and check every answer against the document."""

    @bounded
    @given(case=operation.as_strategy(GenerationMode.POSITIVE, path_parameters=given_ids or None))
    def check(case: Case) -> None:
        case.call_and_validate(checks=CHECKS.get_all())

    check()


@pytest.mark.parametrize("analysis_id", [1, 2, 404])
def test_what_fits_the_document_is_answered_as_it_says(document: BaseSchema, analysis_id: int) -> None:
    for operation in operations(document):
        known = {"analysis_id": analysis_id, "instance_id": 1, "number": 1}
        ids = {name: value for name, value in known.items() if f"{{{name}}}" in operation.path}
        try_out(operation, **ids)


def test_schemathesis_finds_nothing_with_all_its_checks(tmp_path: Path) -> None:
    """Its own phases too: examples, the limits of every field, methods that a path does not know, chains of calls."""
    with console(tmp_path / "console") as platform:
        submit(platform, practice(platform, fail_with="AUTH"))
        drain(platform)
        url = f"http://127.0.0.1:{platform.settings.port}/openapi.json"
        found = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", url,
             "--checks", "all", "--max-examples", "8", "--request-timeout", "60",
             "--generation-deterministic", "--continue-on-failure"],
            check=False, cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
    assert found.returncode == 0, found.stdout[-20_000:]
    assert "generated, " in found.stdout
