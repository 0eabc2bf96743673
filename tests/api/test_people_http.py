"""Accounts and keys over HTTP: made, changed and ended by administrators, secrets shown once."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from api.access import Action, Role
from api.accounts.keys import add_key
from api.routes.keys import ReplacedKeyDocument
from api.routes.users import RoleName
from api.store.schema import api_keys, idempotency_keys
from tests.api.accounts_world import (
    PASSWORD,
    ROOT,
    Person,
    add_person,
    administered,
    browser,
    enter_with,
    entries,
    record_of,
    sign_in_as,
)
from tests.api.service_world import BEARER, SAME_ORIGIN, problem

HOSTILE = "x'); DROP TABLE users; --"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    with administered(tmp_path_factory.mktemp("people")) as made:
        yield made


@pytest.fixture(scope="module")
def root(app: FastAPI) -> Person:
    return sign_in_as(app, "root")


def made(root: Person, name: str, *roles: str, **more: Any) -> dict[str, Any]:
    """Make an account over HTTP and return it."""
    fields = {"name": name, "display_name": name.title(), "roles": list(roles), **more}
    answer = root.post("/users", fields)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/users/{name}"
    assert answer.headers["etag"] == '"1"'
    body: dict[str, Any] = answer.json()
    return body


def test_the_interface_names_the_roles_of_the_rules() -> None:
    assert set(get_args(RoleName)) == {str(role) for role in Role if role is not Role.ANYONE}


def test_a_person_is_added_and_signs_in_with_what_was_shown_once(
    app: FastAPI, root: Person
) -> None:
    ann = made(root, "ann", "planner", "chair", scopes=["handling-c"])
    assert (ann["state"], ann["roles"]) == ("one-time password", ["chair", "planner"])
    once = ann["one_time_password"]
    client = browser(app)
    assert enter_with(client, "ann", once).headers["location"] == "/password"
    problem(client.get("/plans?week=2026-W48"), 403)
    shown = root.get("/users/ann")
    assert once not in shown.text
    assert "one_time_password" not in shown.json()
    assert shown.json()["last_seen"] is not None
    listed = root.get("/users").json()["users"]
    assert [one["name"] for one in listed if one["name"] in ("ann", "root")] == ["ann", "root"]
    assert once not in root.get("/users").text
    said = entries(app)
    assert ("root", "users.manage", "done", "ann", "") in said
    assert ("root", "users.manage", "done", "GET /users", "consultation") in said


def test_a_secret_is_not_kept_with_the_answer_of_an_idempotency_key(
    app: FastAPI, root: Person
) -> None:
    fields = {"name": "ida", "display_name": "Ida", "roles": ["analyst"]}
    headers = {**SAME_ORIGIN, "X-CSRF-Token": root.form_token, "Idempotency-Key": "one"}
    first = root.client.post("/users", json=fields, headers=headers)
    again = root.client.post("/users", json=fields, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == {**first.json(), "one_time_password": None}
    key = {"owner": "ida", "label": "nightly", "actions": ["plan.read"]}
    headers["Idempotency-Key"] = "two"
    first_key = root.client.post("/keys", json=key, headers=headers).json()
    again_key = root.client.post("/keys", json=key, headers=headers).json()
    assert again_key == {**first_key, "secret": None}
    with record_of(app).store.read() as tx:
        kept = tx.execute(select(idempotency_keys.c.response)).scalars().all()
    bodies = [base64.b64decode(one["body"]).decode() for one in kept]
    assert len(bodies) == 2
    for secret in (first.json()["one_time_password"], first_key["secret"]):
        assert not [body for body in bodies if secret in body]


def test_rights_change_at_a_version_and_end_the_sessions(app: FastAPI, root: Person) -> None:
    add_person(app, "bea", "planner")
    bea = sign_in_as(app, "bea")
    change = {"roles": ["borough"], "boroughs": ["E09000012"], "reason": "moved to Hackney"}
    problem(root.post("/users/bea/rights", change), 428)
    problem(root.post("/users/bea/rights", change, version=7), 412)
    answer = root.post("/users/bea/rights", change, version=1)
    assert answer.json()["boroughs"] == ["E09000012"]
    assert answer.headers["etag"] == '"2"'
    problem(bea.get("/plans?week=2026-W48"), 401)
    problem(root.post("/users/bea/rights", change, version=1), 412)
    for wrong in (
        {"roles": ["borough"], "reason": "x"},
        {"roles": ["planner"], "boroughs": ["E09000012"], "reason": "x"},
        {"roles": ["boss"], "reason": "x"},
        {"roles": [], "reason": "x"},
        {"roles": ["planner"], "scopes": ["all"], "reason": "x"},
        {"roles": ["planner"], "reason": ""},
        {"roles": ["planner"], "reason": "x" * 1001},
        {"roles": ["planner"], "reason": "x", "active": True},
    ):
        problem(root.post("/users/bea/rights", wrong, version=2), 422)
    assert root.get("/users/bea").json()["version"] == 2


def test_a_closed_account_is_opened_again_with_a_new_password(app: FastAPI, root: Person) -> None:
    cyd = made(root, "cyd", "chair")
    why = {"reason": "left the force"}
    assert root.post("/users/cyd/close", why, version=1).json()["state"] == "closed"
    assert enter_with(browser(app), "cyd", cyd["one_time_password"]).status_code == 401
    problem(root.post("/users/cyd/close", why, version=2), 409)
    problem(root.post("/users/cyd/password", why, version=2), 409)
    problem(root.post("/keys", {"owner": "cyd", "label": "", "actions": ["plan.read"]}), 404)
    back = root.post("/users/cyd/reopen", {"reason": "came back"}, version=2).json()
    assert (back["state"], back["closed"], back["version"]) == ("one-time password", None, 3)
    problem(root.post("/users/cyd/reopen", {"reason": "again"}, version=3), 409)
    assert enter_with(browser(app), "cyd", back["one_time_password"]).status_code == 303
    reset = root.post("/users/cyd/password", {"reason": "forgotten"}, version=3).json()
    assert enter_with(browser(app), "cyd", back["one_time_password"]).status_code == 401
    assert enter_with(browser(app), "cyd", reset["one_time_password"]).status_code == 303


def test_administrators_change_neither_themselves_nor_the_last_of_them(
    app: FastAPI, root: Person
) -> None:
    less = {"roles": ["planner"], "reason": "less"}
    own = problem(root.post("/users/root/rights", less, version=1), 422)
    assert "own rights" in own["detail"]
    refused = problem(root.post("/users/root/password", {"reason": "x"}, version=1), 422)
    assert "/password" in refused["detail"]
    holder = {**BEARER, "If-Match": '"1"'}
    client = browser(app)
    last = problem(client.post("/users/root/rights", json=less, headers=holder), 409)
    assert "last administrator" in last["detail"]
    problem(client.post("/users/root/close", json={"reason": "x"}, headers=holder), 409)
    made(root, "second", "administrator")
    assert client.post("/users/root/rights", json=less, headers=holder).status_code == 200
    more = {"roles": ["administrator"], "reason": "back"}
    answer = client.post("/users/root/rights", json=more, headers={**BEARER, "If-Match": '"2"'})
    assert answer.status_code == 200
    entered = sign_in_as(app, "root")
    root.client, root.form_token = entered.client, entered.form_token


@pytest.mark.parametrize(
    ("name", "status"),
    [("modem", 409), ("MODERN", 409), ("аnn", 422), ("an n", 422), ("system", 422),
     (HOSTILE, 422), ("x", 422), ("y" * 65, 422)],
)  # fmt: skip
def test_names_that_could_deceive_are_refused(
    app: FastAPI, root: Person, name: str, status: int
) -> None:
    if root.get("/users/modern").status_code == 404:
        made(root, "modern", "planner")
    fields = {"name": name, "display_name": "Somebody", "roles": ["planner"]}
    body = problem(root.post("/users", fields), status)
    assert "Remedy" in body["detail"] or "at least" in body["detail"]


def test_a_key_is_made_used_and_ended(app: FastAPI, root: Person) -> None:
    add_person(app, "fay", "planner", scopes=("handling-c",))
    fields = {"owner": "fay", "label": "nightly", "actions": ["plan.read"], "days": 30}
    answer = root.post("/keys", fields)
    key = answer.json()
    assert answer.headers["location"] == f"/keys/{key['key_id']}"
    bearer = {"Authorization": f"Bearer {key.pop('secret')}"}
    client = browser(app)
    assert client.get("/plans?week=2026-W48", headers=bearer).status_code == 200
    problem(client.get("/assessment", headers=bearer), 403)
    shown = root.get(f"/keys/{key['key_id']}")
    assert {**shown.json(), "last_used": None} == key
    assert bearer["Authorization"][7:] not in shown.text + root.get("/keys").text
    assert key["key_id"] in {one["key_id"] for one in root.get("/keys").json()["keys"]}
    at = f"/keys/{key['key_id']}/revoke"
    problem(root.post(at, {"reason": ""}), 422)
    assert root.post(at, {"reason": "replaced"}).json()["state"] == "ended"
    problem(root.post(at, {"reason": "again"}), 409)
    ended = problem(client.get("/plans?week=2026-W48", headers=bearer), 401)
    assert "was ended on" in ended["detail"]
    for change, status in (
        ({"owner": "nobody-here"}, 404), ({"actions": ["plan.approve"]}, 422),
        ({"actions": ["users.manage"]}, 422), ({"actions": []}, 422), ({"days": 367}, 422),
        ({"days": 0}, 422), ({"scopes": ["everything"]}, 422), ({"label": "a\nb"}, 422),
    ):  # fmt: skip
        problem(root.post("/keys", {**fields, **change}), status)
    problem(root.get("/keys/k000000000000"), 404)
    problem(root.get("/keys/arvk_"), 422)
    problem(root.get("/users/nobody-here"), 404)
    problem(root.get(f"/users/{HOSTILE}"), 422)


def test_a_key_is_replaced_and_says_when_it_was_used(app: FastAPI, root: Person) -> None:
    add_person(app, "gil", "planner")
    fields = {"owner": "gil", "label": "nightly", "actions": ["job.read"], "days": 30}
    old = root.post("/keys", fields).json()
    at = f"/keys/{old['key_id']}"
    assert root.get(at).json()["last_used"] is None
    bearer = {"Authorization": f"Bearer {old['secret']}"}
    assert browser(app).get("/jobs", headers=bearer).status_code == 200
    end = time.monotonic() + 30
    while (used := root.get(at).json()["last_used"]) is None:
        assert time.monotonic() < end
    assert used > old["created"]
    headers = {**SAME_ORIGIN, "X-CSRF-Token": root.form_token, "Idempotency-Key": "rk"}
    answer = root.client.post(f"{at}/replace", json={"overlap_days": 2}, headers=headers)
    again = root.client.post(f"{at}/replace", json={"overlap_days": 2}, headers=headers)
    ReplacedKeyDocument.model_validate_json(answer.text)
    assert (answer.status_code, again.status_code) == (201, 201)
    made, repeated = answer.json(), again.json()
    assert repeated == {**made, "secret": None}
    assert answer.headers["location"] == f"/keys/{made['key_id']}"
    assert made["replaces"] == root.get(at).json()
    assert made["replaces"]["state"] == "in use"
    assert made["replaces"]["expires"] < old["expires"]
    for text in (old["secret"], made["secret"]):
        bearer = {"Authorization": f"Bearer {text}"}
        assert browser(app).get("/jobs", headers=bearer).status_code == 200
        problem(browser(app).post(f"{at}/replace", json={}, headers=bearer), 403)
    for body, status in (({"days": 0}, 422), ({"days": 367}, 422), ({"overlap_days": 31}, 422),
                         ({"overlap_days": -1}, 422), ({"more": 1}, 422)):  # fmt: skip
        problem(root.post(f"{at}/replace", body), status)
    assert root.post(f"{at}/revoke", {"reason": "unused"}).status_code == 200
    problem(root.post(f"{at}/replace", {}), 409)
    problem(root.post("/keys/k000000000000/replace", {}), 404)


def test_a_key_makes_neither_keys_nor_accounts(app: FastAPI, root: Person) -> None:
    """A key from before the rule, which still names the action, is refused all the same."""
    record = record_of(app)
    key, secret = add_key(record, "root", "old", ["plan.read"], life=timedelta(1), by=ROOT)
    with record.store.write() as tx:
        scopes = [str(Action.MANAGE_USERS), str(Action.MANAGE_KEYS)]
        tx.execute(api_keys.update().where(api_keys.c.key_id == key.key_id).values(scopes=scopes))
    bearer = {"Authorization": f"Bearer {secret}"}
    client = browser(app)
    for path in ("/users", "/keys"):
        assert "never done with a key" in problem(client.get(path, headers=bearer), 403)["detail"]


def test_lists_go_on_from_page_to_page(app: FastAPI, root: Person) -> None:
    for path, member, name in (("/users", "users", "name"), ("/keys", "keys", "key_id")):
        whole = [one[name] for one in root.get(f"{path}?limit=500").json()[member]]
        assert len(whole) > 2
        found, address = [], f"{path}?limit=2"
        while address:
            answer = root.get(address)
            found += [one[name] for one in answer.json()[member]]
            link = answer.headers.get("link", "")
            address = link.split(">")[0].removeprefix("<")
        assert found == whole
        problem(root.get(f"{path}?cursor=x"), 422)


def test_everybody_may_know_what_they_may_do(app: FastAPI) -> None:
    add_person(app, "ivy", "borough", boroughs=("E09000012",))
    ivy = sign_in_as(app, "ivy").get("/rules").json()
    allowed = {one["action"] for one in ivy["rules"] if one["allowed"]}
    assert "borough.read" in allowed
    assert not allowed & {"plan.read", "users.manage", "plan.approve"}
    refused = next(one for one in ivy["rules"] if one["action"] == "plan.approve")
    assert "approver" in refused["reason"]
    assert refused["second_person"]
    assert {one["action"] for one in ivy["rules"]} == {str(action) for action in Action}
    problem(browser(app).get("/rules"), 401)


def test_a_password_of_ones_own_replaces_the_one_shown_once(app: FastAPI, root: Person) -> None:
    hal = made(root, "hal", "auditor")
    client = browser(app)
    enter_with(client, "hal", hal["one_time_password"])
    token = client.get("/password").text.split('name="form_token" value="')[1].split('"')[0]
    fields = {"form_token": token, "old": hal["one_time_password"], "new": PASSWORD,
              "again": PASSWORD}  # fmt: skip
    assert client.post("/password", data=fields, headers=SAME_ORIGIN).status_code == 303
    assert root.get("/users/hal").json()["state"] == "open"
    assert sign_in_as(app, "hal").get("/rules").status_code == 200
