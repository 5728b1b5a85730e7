"""OpenAPI: the API keeps to its own document and never answers 500, however odd the request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ba2_trade_platform.api.register import create_api
from tests.platforms import drain, make_platform, practice, running, submit

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
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


def try_out(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, **given_ids: int) -> list[int]:
    """Send what Hypothesis makes up, check every answer against the document, and return the statuses."""
    statuses = []

    @bounded
    @given(case=operation.as_strategy(mode, path_parameters=given_ids or None))
    def check(case: Case) -> None:
        statuses.append(case.call_and_validate(checks=CHECKS).status_code)

    check()
    return statuses


@pytest.mark.parametrize("analysis_id", [1, 2, 404])
def test_what_fits_the_document_is_answered_as_it_says(document: BaseSchema, analysis_id: int) -> None:
    for operation in operations(document):
        known = {"analysis_id": analysis_id, "instance_id": 1, "number": 1}
        ids = {name: value for name, value in known.items() if f"{{{name}}}" in operation.path}
        assert try_out(operation, GenerationMode.POSITIVE, **ids), operation.label


def test_what_does_not_fit_is_refused_as_the_document_says(document: BaseSchema) -> None:
    seen: set[int] = set()
    for operation in operations(document):
        if operation.body or operation.query or operation.path_parameters:
            seen.update(try_out(operation, GenerationMode.NEGATIVE))
    assert {404, 422} <= seen <= {200, 201, 202, 204, 403, 404, 405, 409, 413, 422}
