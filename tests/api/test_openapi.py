"""Whatever is sent, the API keeps to its own OpenAPI document and never answers 500."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from ba2_trade_platform.api.register import create_api
from tests.platforms import drain, make_platform, practice, running, submit

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseSchema]:
    """The document of a console that works and has something of everything."""
    with running(make_platform(tmp_path_factory.mktemp("console"))) as platform:
        submit(platform, practice(platform, "Completes"))
        failing = submit(platform, practice(platform, "Fails", fail_with="AUTH", recommend_before_failing=True))
        drain(platform)
        assert platform.details.row(failing).error_code == "AUTH"
        yield schemathesis.openapi.from_asgi("/openapi.json", create_api(platform))


schema = schemathesis.pytest.from_fixture("document")


@schema.parametrize()
@settings(
    max_examples=15, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
def test_the_api_keeps_to_its_document(case: Case) -> None:
    response = case.call_and_validate(checks=CHECKS)
    assert response.status_code != 500
