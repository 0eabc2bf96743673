"""The links of the interface lead where they say, and 405 names every method there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.routes.operation_links import LINKS
from tests.api.service_world import BEARER, client_of, problem, service


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client_of(service(tmp_path_factory.mktemp("links") / "data")) as found:
        yield found


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def linked(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield every link of a document with the answer it stands at and the operation it means."""
    by_id = {
        one["operationId"]: one
        for methods in document["paths"].values()
        for one in methods.values()
    }
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                for name, link in answer.get("links", {}).items():
                    where = f"{path} {status} {name}"
                    yield where, {"answer": answer, **link}, by_id[link["operationId"]]


def test_every_link_gives_parameters_that_its_target_takes(document: dict[str, Any]) -> None:
    found = list(linked(document))
    assert len(found) >= len(LINKS) + 8  # two operations that accept jobs, four links each
    for where, link, target in found:
        taken = {f"{one['in']}.{one['name']}" for one in target.get("parameters", ())}
        assert set(link["parameters"]) <= taken, where
        required = {
            f"{one['in']}.{one['name']}" for one in target.get("parameters", ()) if one["required"]
        }
        assert required <= set(link["parameters"]), where


def test_every_pointer_is_a_member_of_the_answer(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for where, link, _ in linked(document):
        described = link["answer"].get("content", {}).get("application/json", {}).get("schema", {})
        name = described.get("$ref", "").rsplit("/", 1)[-1]
        if not name:  # features and accepted jobs are described in their own documents
            continue
        texts = json.dumps([link["parameters"], link.get("requestBody", {})])
        for found in re.findall(r"\$response\.body#/([^/}\"]+)", texts):
            assert found in schemas[name]["properties"], where


def test_a_draft_and_a_roster_lead_on(document: dict[str, Any]) -> None:
    found = {where: target for where, _, target in linked(document)}
    for name in ("simulate", "compare", "replan", "propose"):
        target = found[f"/plans 201 {name}"]
        assert target is document["paths"][f"/plans/{{key}}/{name}"]["post"]
    tpu = "/tpu/{roster_id}"
    assert found["/tpu 201 propose"] is document["paths"][f"{tpu}/propose"]["post"]
    authorise = document["paths"][f"{tpu}/authorise"]["post"]
    assert found[f"{tpu}/propose 200 authorise"] is authorise


def test_the_bodies_of_links_are_what_their_targets_take(document: dict[str, Any]) -> None:
    """A member of a body that the target does not know would be refused, and the link be dead."""
    for where, link, target in linked(document):
        if "requestBody" in link:
            content = target["requestBody"]["content"]["application/json"]["schema"]
            body = document["components"]["schemas"][content["$ref"].rsplit("/", 1)[-1]]
            assert set(link["requestBody"]) <= set(body["properties"]), where
            assert set(body.get("required", ())) <= set(link["requestBody"]), where


def test_a_file_that_may_be_left_out_is_not_described_as_null(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        if name.startswith("Body_"):
            assert "null" not in repr(schema), name
    for methods in document["paths"].values():
        for operation in methods.values():
            assert "'null'" not in repr(operation.get("parameters", ()))


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/plans", "GET, HEAD, POST"),
        ("/jobs/job-000000000000000000000000", "DELETE, GET, HEAD"),
        ("/health", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_offered_is_told_all_that_are(
    client: TestClient, path: str, allow: str
) -> None:
    answer = client.put(path, headers=BEARER)
    assert problem(answer, 405)["detail"].endswith(f"Remedy: use {allow}.")
    assert answer.headers["allow"] == allow


def test_a_step_must_name_its_version(client: TestClient, document: dict[str, Any]) -> None:
    step = document["paths"]["/plans/{key}/propose"]["post"]
    named = [one for one in step["parameters"] if one["name"] == "If-Match"]
    assert named[0]["required"]
    answer = client.post(
        "/plans/2026-W48-0123456789ab/propose", json={"reason": ""}, headers=BEARER
    )
    problem(answer, 428)


@pytest.mark.parametrize(("number", "status"), [("3.0", 409), ("3e0", 409), ("3.5", 422)])
def test_a_whole_number_may_be_written_with_a_point(
    client: TestClient, number: str, status: int
) -> None:
    """An integer of JSON Schema; 409 says that the body was read and no assessment is there."""
    body = f'{{"fleet_id": "example", "max_changes": {number}}}'
    headers = {**BEARER, "Content-Type": "application/json"}
    problem(client.post("/allocate", content=body, headers=headers), status)
