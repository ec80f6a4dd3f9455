"""The whole API against its own description: no answer that is not documented, and never a status 500."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from allograph.profiles import open_store
from allograph.server.routes import bundle, corrections, habits, lines, profiles, readings, service, words, writers
from served import correct, process

RESOURCES = (readings, lines, corrections, words, writers, profiles, habits, bundle, service)
ROUTES = [route for resource in RESOURCES for route in resource.router.routes]
OPERATIONS = [(route.path, method) for route in ROUTES if isinstance(route, APIRoute) for method in route.methods or ()]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
    allow_header_conformance,
    ignored_auth,
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    """The description of a service that has a key and the writer that the description names, and the key."""
    folder = tmp_path_factory.mktemp("served")
    store = open_store(folder / "allograph.db")
    key = store.keys.add("default", "schemathesis")
    store.close()
    with process(folder, "--rate", "100000", "--body", "1") as served:
        with httpx.Client(base_url=served.url, headers={"authorization": f"Bearer {key}"}) as http:
            correct(http, "ana", [("5", 40, "a"), ("6", 41, "b")])
        yield schemathesis.openapi.from_url(f"{served.url}/v1/openapi.json"), key
        assert served.process.poll() is None
        assert not [line for line in served.log if '"error"' in line]


def test_every_operation_is_described(api: tuple[Any, str]) -> None:
    described = {(operation.ok().path, operation.ok().method.upper()) for operation in api[0].get_all_operations()}
    assert described == set(OPERATIONS)


@pytest.mark.parametrize("examples", [3, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_answer_is_undocumented_and_none_is_a_500(path: str, method: str, examples: int, api: tuple[Any, str]) -> None:
    operation = api[0][path][method]
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @seed(7)
        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def run(case: Any) -> None:
            case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {api[1]}"}, timeout=60)

        with suppress(Unsatisfiable):  # without parameters nothing can be odd
            run()
