"""Refusals where a person opens an address: the same words as a page; programs get documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.api.accounts_world import Person, add_person, administered, browser, sign_in_as
from tests.api.service_world import HTML, problem

OPENED = {**HTML, "Sec-Fetch-Mode": "navigate"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    root: Path = tmp_path_factory.mktemp("readable")
    with administered(root) as made:
        add_person(made, "pia", "planner")
        yield made


@pytest.fixture(scope="module")
def pia(app: FastAPI) -> Person:
    return sign_in_as(app, "pia")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/people", 403, "Only administrator may"),
        ("/allocate?week=2026-W40", 404, "There is no plan for week"),
        ("/plans?limit=many", 422, "<strong>What to do:</strong> Follow"),
    ],
)
def test_a_person_reads_the_refusal_as_a_page(
    pia: Person, path: str, status: int, words: str
) -> None:
    document = problem(pia.client.get(path, headers=HTML), status)
    shown = pia.client.get(path, headers=OPENED)
    assert shown.status_code == status
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert "style-src 'self'" in shown.headers["content-security-policy"]
    assert shown.headers["cache-control"] == "no-store"
    assert words in shown.text
    assert f"<h1>{document['title']}</h1>" in shown.text
    assert "Remedy:" not in shown.text
    assert shown.headers["x-request-id"] in shown.text
    assert 'href="/verano"' in shown.text  # the rooms that open to the person
    start = pia.client.head(path, headers=OPENED)
    assert (start.status_code, start.content) == (status, b"")


def test_what_was_sent_is_no_markup_on_the_page(pia: Person) -> None:
    shown = pia.client.get(
        "/allocate", params={"week": "<script>alert(1)</script>"}, headers=OPENED
    )
    assert shown.status_code in {404, 422}
    assert "<script>alert" not in shown.text


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1:8000", 404), ("elsewhere.example", 421)])
def test_no_rooms_are_named_where_nobody_is_known(app: FastAPI, host: str, status: int) -> None:
    shown = browser(app).get("/nowhere", headers={**OPENED, "Host": host})
    assert shown.status_code == status
    assert "Go to the week" in shown.text
    assert "/verano" not in shown.text
