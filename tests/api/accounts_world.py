"""People with accounts on a service, for tests of who may do what over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from api.access import Actor, Role
from api.accounts.rights import checked_rights
from api.accounts.users import add_user
from api.audit.log import Record
from api.audit.verify import verify
from api.store.schema import audit, users
from tests.api.service_world import ORIGIN, SAME_ORIGIN, client_of, service
from tests.store.recording import CHEAP

PASSWORD = "correct horse battery"
ROOT = Actor("root", frozenset({Role.ADMINISTRATOR}), "console")


def record_of(app: FastAPI) -> Record:
    """Return the record of a running service."""
    record = app.state.service.record
    assert isinstance(record, Record)
    return record


def add_person(
    app: FastAPI,
    name: str,
    *roles: str,
    boroughs: tuple[str, ...] = (),
    scopes: tuple[str, ...] = (),
) -> None:
    """Add an account whose own password is :data:`PASSWORD`."""
    record = record_of(app)
    rights = checked_rights(roles, boroughs, scopes)
    add_user(record, name, name.title(), rights, by=ROOT, password_hash=CHEAP.hashed(PASSWORD))
    with record.store.write() as tx:
        tx.execute(users.update().where(users.c.name == name).values(must_change_password=False))


@contextmanager
def administered(root: Path) -> Iterator[FastAPI]:
    """Yield a running service without any evidence; ``root`` administers it."""
    app = service(root)
    with client_of(app):
        add_person(app, "root", "administrator")
        yield app


def browser(app: FastAPI) -> TestClient:
    """Return a browser in which nobody is signed in; the application must be running."""
    return TestClient(app, base_url=ORIGIN, follow_redirects=False, raise_server_exceptions=False)


@dataclass
class Person:
    """Somebody's browser, signed in."""

    client: TestClient
    form_token: str

    def post(self, path: str, body: object, version: int | None = None) -> Any:
        """Post JSON as the pages' scripts do."""
        headers = {**SAME_ORIGIN, "X-CSRF-Token": self.form_token}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return self.client.post(path, json=body, headers=headers)

    def get(self, path: str, **headers: str) -> Any:
        """Get an address."""
        return self.client.get(path, headers=headers)


def collected(person: Person, path: str, name: str) -> list[dict[str, Any]]:
    """Follow the links of a list to its end and return its rows."""
    answer = person.get(path)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()[name]
    while answer.links:
        answer = person.get(answer.links["next"]["url"])
        rows += answer.json()[name]
    return rows


def enter(client: TestClient, fields: dict[str, str]) -> Any:
    """Post the sign-in form with some fields and return the answer."""
    found = re.search(r'name="form_token" value="([^"]+)"', client.get("/sign-in").text)
    assert found
    return client.post("/sign-in", data={"form_token": found[1], **fields}, headers=SAME_ORIGIN)


def enter_with(client: TestClient, name: str, password: str) -> Any:
    """Post the sign-in form with a name and a password and return the answer."""
    return enter(client, {"name": name, "password": password})


def sign_in_as(app: FastAPI, name: str, password: str = PASSWORD) -> Person:
    """Return a signed-in person; the application must be running."""
    client = browser(app)
    answer = enter_with(client, name, password)
    assert answer.status_code == 303, answer.text
    form = client.get("/password").text
    found = re.search(r'name="form_token" value="([^"]+)"', form)
    assert found
    return Person(client, found[1])


def entries(app: FastAPI) -> list[tuple[str, str, str, str, str]]:
    """Return actor, action, outcome, object and operation of every entry of a sound record."""
    record = record_of(app)
    with record.store.read() as tx:
        assert verify(tx, record.signer.verifier).sound
        rows = tx.execute(select(audit).order_by(audit.c.position)).all()
    return [
        (row.actor, row.action, row.outcome, row.object_id, (row.detail or {}).get("operation", ""))
        for row in rows
    ]
