"""The service keeps its own description: every operation, at the edges of every schema.

This is the short run, the same at each time. `make soak` generates a hundred requests and more an
operation and walks along the links for longer (``benchmarks.soak.service_schema``).
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import Response

from tests.api.accounts_world import Person, add_person, sign_in_as
from tests.api.schema_world import FEW_EDGES, NO_WORK, PEOPLE, described_service, fill_week, walk
from tests.api.service_world import BEARER, SAME_ORIGIN, WEEK, client_of


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("described") / "data"
    fill_week(root)
    return root


@pytest.fixture(scope="module")
def app(week: Path, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    root = tmp_path_factory.mktemp("walked") / "data"
    return described_service(Path(shutil.copytree(week, root)), NO_WORK)


def test_every_operation_keeps_its_description(app: FastAPI) -> None:
    found = walk(app, examples=3, edges=FEW_EDGES)
    assert not found.failures, found.report()
    described = {
        f"{method.upper()} {path}"
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }
    assert described == {label for label, _ in found.answers}
    answered = {status for _, status in found.answers}
    assert {200, 201, 400, 401, 404, 422, 428, 503} <= answered
    assert 500 not in answered


def test_walks_along_the_links_of_a_plan(app: FastAPI) -> None:
    found = walk(app, steps=4, paths="^/(plans$|allocate$|plans/{key}/(propose|approve|reject))")
    assert not found.failures, found.report()
    assert found.phases["stateful"] == "success"
    assert {200, 201} & found.statuses("POST /plans")  # drafted by the walk before, or now


def value_of(expression: str, answer: Response) -> str:
    """Return what a runtime expression of a link stands for in an answer."""

    def one(found: re.Match[str]) -> str:
        if found[1] == "header":
            return answer.headers[found[2][1:]]
        value: Any = answer.json()
        for part in found[2][2:].split("/"):
            value = value[int(part)] if isinstance(value, list) else value[part]
        return str(value)

    return re.sub(r"\{?\$response\.(header|body)([^}]+)\}?", one, expression)


class Follower:
    """Somebody who knows the interface and nothing else, and goes where the links lead."""

    def __init__(self, app: FastAPI) -> None:
        self.paths = app.openapi()["paths"]
        self.at = {
            one["operationId"]: (method, path, one)
            for path, methods in self.paths.items()
            for method, one in methods.items()
        }

    def follow(
        self, person: Person, path: str, answer: Response, name: str, more: Any = None
    ) -> tuple[str, Response]:
        """Take a link of an answer; return the path of the operation it led to, and its answer."""
        method = answer.request.method.lower()
        link = self.paths[path][method]["responses"][str(answer.status_code)]["links"][name]
        verb, target, _ = self.at[link["operationId"]]
        address, query = target, {}
        sent = {**SAME_ORIGIN, "X-CSRF-Token": person.form_token}
        for where, expression in link["parameters"].items():
            place, key = where.split(".", 1)
            value = value_of(expression, answer)
            if place == "path":
                address = address.replace(f"{{{key}}}", value)
            elif place == "query":
                query[key] = value
            else:
                sent[key] = value
        body = {key: value_of(one, answer) for key, one in link.get("requestBody", {}).items()}
        given: Any = {"json": {**body, **(more or {})}} if verb != "get" else {}
        return target, person.client.request(verb, address, params=query, headers=sent, **given)


#: The links from a draft to its end: who takes each, and the state it leads to.
LIVES = (
    (("pam", "propose", "proposed"), ("cyd", "reject", "rejected")),
    (
        ("pam", "propose", "proposed"),
        ("cyd", "approve", "approved"),
        ("cyd", "publish", "published"),
        ("cyd", "withdraw", "withdrawn"),
    ),
)


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life[-1][1])
def test_the_links_of_a_draft_lead_through_its_whole_life(
    life: tuple[tuple[str, str, str], ...], week: Path, tmp_path: Path
) -> None:
    app = described_service(Path(shutil.copytree(week, tmp_path / "data")), NO_WORK)
    with client_of(app) as client:
        people = {}
        for name in ("pam", "cyd"):
            add_person(app, name, *map(str, PEOPLE[name]))
            people[name] = sign_in_as(app, name)
        follower = Follower(app)
        read = client.get("/allocate", params={"week": WEEK}, headers=BEARER)
        pam = people["pam"]
        assert follower.follow(pam, "/allocate", read, "records")[1].json()["plans"] == []
        path, answer = follower.follow(pam, "/allocate", read, "draft")
        assert (path, answer.status_code) == ("/plans", 201)
        for name, step, state in life:
            more = {"no_equality_reason": "No table yet."} if step == "approve" else {}
            path, answer = follower.follow(people[name], path, answer, step, more)
            assert answer.status_code == 200, answer.text
            assert answer.json()["state"] == state
