"""Role by endpoint by object: every operation of the interface, asked over HTTP by everybody.

The operations come from ``/openapi.json``; who may use them is in ``endpoint_duties``, written by
hand. A request that the rules refuse ends with 401 or 403; any other answer has passed them, be it
that there is no such object or that the body says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.access import Role
from api.accounts.keys import KEY_ACTIONS, add_key
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import ROOT, add_person, record_of, sign_in_as
from tests.api.endpoint_duties import LETTERS, TOKEN_LETTERS, Duty, duties
from tests.api.service_world import (
    BEARER,
    ORIGIN,
    WEEK,
    client_of,
    fill,
    made_up_week,
    service,
    with_identities,
)

OWN, OTHER = "E09000012", "E09000033"
SCOPE = ("handling-c",)
DUTIES = duties()
LETTER_OF = {role: letter for letter, role in LETTERS.items()}
ROLES = [role for role in Role if role is not Role.ANYONE]
#: What stands in an address in place of its parameters: objects that are not there, so that an
#: allowed request does no work; a borough that a borough user may see.
PLACES = {
    "{table}": "wards",
    "{assessment_id}": "ra-000000000000",
    "{hot_spot_id}": "H9",
    "{receipt_id}": "0" * 64,
    "{fleet_id}": "none",
    "{event_id}": f"ev-{'0' * 16}",
    "{action_id}": f"ac-{'0' * 16}",
    "{key}": f"{WEEK}-000000000000",
    "{job_id}": f"job-{'0' * 24}",
    "{roster_id}": f"tpu-2026-11-23-{'0' * 16}",
    "{feature_id}": "none",
    "{name}": "nobody-here",
    "{key_id}": "k000000000000",
    "{code}": OWN,
    "{at}": "1",
}
#: Without these an allowed reading would draw the whole week.
QUERIES = {"/allocate": "?week=2031-W01", "/ogc/collections": "?limit=1"}
REFUSED = (401, 403)

Send = Callable[[str, str], int]


@dataclass(frozen=True)
class World:
    """A running service on a week that rests on material with handling code C."""

    app: FastAPI
    client: TestClient
    plan_key: str
    plan_version: int
    ward: str
    other_ward: str

    def session(self, name: str) -> Send:
        """Return what sends requests as somebody's browser does, with the form token."""
        person = sign_in_as(self.app, name)
        headers = {"Origin": ORIGIN, "X-CSRF-Token": person.form_token}
        return lambda method, path: person.client.request(method, path, headers=headers).status_code

    def bearer(self, headers: dict[str, str]) -> Send:
        """Return what sends requests as a program does."""
        return lambda method, path: self.client.request(method, path, headers=headers).status_code

    def key(
        self, owner: str, actions: tuple[str, ...] = KEY_ACTIONS, scopes: tuple[str, ...] = SCOPE
    ) -> Send:
        """Return what sends requests with a key of somebody's account."""
        _, secret = add_key(
            record_of(self.app), owner, "matrix", actions, life=timedelta(1), by=ROOT,
            scopes=scopes,
        )  # fmt: skip
        return self.bearer({"Authorization": f"Bearer {secret}"})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root, area = tmp_path_factory.mktemp("matrix") / "data", load_bundled()
    assessment, plan = made_up_week(area)
    coded = replace(assessment, handling_code="C", handling_c_records=1)
    fill(root, area, *with_identities(coded, plan))
    wards = area.wards.set_index("ward_code")["borough_code"]
    app = service(root)
    with client_of(app) as client:
        for role in ROLES:
            boroughs = (OWN,) if role is Role.BOROUGH else ()
            add_person(app, f"is-{role}", str(role), boroughs=boroughs, scopes=SCOPE)
        meeting = [str(role) for role in ROLES if role is not Role.BOROUGH]
        add_person(app, "everything", *meeting, scopes=SCOPE)
        add_person(app, "unscoped", *meeting)
        add_person(app, "desk", "borough", boroughs=(OWN,))
        author = sign_in_as(app, "everything")
        made = author.post("/plans", {"week": WEEK}).json()
        proposed = author.post(f"/plans/{made['key']}/propose", {}, version=made["version"])
        body: dict[str, Any] = proposed.json()
        yield World(
            app, client, body["key"], body["version"],
            str(wards.index[wards == OWN][0]), str(wards.index[wards == OTHER][0]),
        )  # fmt: skip


def address(path: str) -> str:
    """Return an address to ask about objects that are not there."""
    query = next((text for start, text in QUERIES.items() if path.startswith(start)), "")
    for name, value in PLACES.items():
        path = path.replace(name, value)
    assert "{" not in path, f"{path}: say in PLACES what stands for its parameter"
    return path + query


def differing(send: Send, allowed: Callable[[Duty], bool], refusal: int) -> list[str]:
    """Return the operations whose answer is not what the table says."""
    found = []
    for duty in DUTIES:
        status, may = send(duty.method, address(duty.path)), allowed(duty)
        if (status not in REFUSED) is not may or (not may and status != refusal):
            said = "allowed" if may else "refused"
            found.append(f"{duty.method} {duty.path}: {said} by the table, answered {status}")
    return found


def test_every_operation_of_the_interface_is_in_the_table_once(world: World) -> None:
    document = world.client.get("/openapi.json").json()
    offered = {
        (method.upper(), path): operation["x-action"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    table = [duty.operation for duty in DUTIES]
    missing, gone = sorted(set(offered) - set(table)), sorted(set(table) - set(offered))
    assert not missing, f"say in tests/api/endpoint_duties.py who may use {missing}"
    assert not gone, f"no longer offered: {gone}"
    assert len(table) == len(set(table))
    assert all(offered.values())


@pytest.mark.parametrize("role", ROLES)
def test_a_signed_in_person_of_each_role(world: World, role: Role) -> None:
    letter = LETTER_OF[role]
    send = world.session(f"is-{role}")
    assert differing(send, lambda duty: letter in duty.letters, 403) == []


@pytest.mark.parametrize("role", ROLES)
def test_a_key_that_names_every_action_of_each_role(world: World, role: Role) -> None:
    letter = LETTER_OF[role]
    send = world.key(f"is-{role}")
    assert differing(
        send,
        lambda duty: letter in duty.letters and not duty.marks & {"person", "nokey"},
        403,
    ) == []  # fmt: skip


def test_a_stranger(world: World) -> None:
    send = world.bearer({})
    assert differing(send, lambda duty: duty.public, 401) == []


def test_the_token_of_the_first_start(world: World) -> None:
    send = world.bearer(BEARER)
    assert differing(
        send,
        lambda duty: bool(set(TOKEN_LETTERS) & set(duty.letters)) and "person" not in duty.marks,
        403,
    ) == []  # fmt: skip


def test_a_key_that_names_one_action_opens_that_one_alone(world: World) -> None:
    send = world.key("everything", ("feed.read",))
    opened = {("GET", "/feeds"), ("GET", "/feeds/{receipt_id}")}
    assert differing(send, lambda duty: duty.public or duty.operation in opened, 403) == []


def test_a_session_without_its_form_token_changes_nothing(world: World) -> None:
    person = sign_in_as(world.app, "everything")
    for duty in DUTIES:
        if duty.method != "GET":
            for headers in ({"Origin": ORIGIN}, {"Origin": "https://elsewhere.example"}):
                answer = person.client.request(duty.method, address(duty.path), headers=headers)
                assert answer.status_code == 403, duty


def there(world: World, duty: Duty) -> str:
    """Return an address of an operation with objects of the week that are there."""
    assessment = world.app.state.service.workspace.assessment(None)
    code = world.ward if "/wards" in duty.path else OWN
    places = {"{key}": world.plan_key, "{assessment_id}": assessment.name, "{code}": code,
              "{feature_id}": f"{WEEK}.ARV-01" if "patrol" in duty.path else code}  # fmt: skip
    path = duty.path
    for name, value in {**PLACES, **places}.items():
        path = path.replace(name, value)
    return f"{path}?week={WEEK}" if path.startswith("/allocate") else path


@pytest.mark.parametrize("proof", ["session", "key", "key without the scope"])
def test_material_with_handling_code_c_needs_the_scope(world: World, proof: str) -> None:
    by_key = proof != "session"
    cleared = world.key("everything") if by_key else world.session("everything")
    refused = {
        "session": lambda: world.session("unscoped"),
        "key": lambda: world.key("unscoped", scopes=()),
        "key without the scope": lambda: world.key("everything", scopes=()),
    }[proof]()
    found = []
    for duty in DUTIES:
        if duty.method == "GET" and not (by_key and "nokey" in duty.marks):
            path = there(world, duty)
            with_scope, without = cleared("GET", path), refused("GET", path)
            coded = "C" in duty.marks
            if with_scope in REFUSED or (without == 403) is not coded:
                found.append(f"{path}: {with_scope} with the scope, {without} without")
    assert found == []


def test_areas_of_a_plan_from_coded_material_are_left_out_without_the_scope(world: World) -> None:
    cleared, unscoped = sign_in_as(world.app, "everything"), sign_in_as(world.app, "unscoped")
    hidden = [duty for duty in DUTIES if "hidden" in duty.marks]
    items, one = (duty.path for duty in hidden)
    given = cleared.get(items).json()["features"]
    assert given
    assert unscoped.get(items).json()["features"] == []
    at = one.replace("{feature_id}", str(given[0]["id"]))
    assert (cleared.get(at).status_code, unscoped.get(at).status_code) == (200, 404)


def test_a_borough_desk_gets_its_own_borough_and_nothing_of_another(world: World) -> None:
    desk, code = sign_in_as(world.app, "is-borough"), f"E05{'0' * 6}"
    own = [f"/boroughs/{OWN}", f"/wards/{world.ward}", f"/incidents?borough={OWN}",
           f"/ogc/collections/boroughs/items/{OWN}",
           f"/ogc/collections/wards/items/{world.ward}"]  # fmt: skip
    for path in own:
        assert desk.get(path).status_code == 200, path
        other = path.replace(OWN, OTHER).replace(world.ward, world.other_ward)
        assert desk.get(other).status_code in (403, 404), other
        assert OTHER not in desk.get(path).text
    for path in ("/boroughs?limit=500", "/wards?limit=500", "/ogc/collections/wards/items?limit=50",
                 "/ogc/collections/boroughs/items"):  # fmt: skip
        said = desk.get(path).text
        assert OWN in said or world.ward in said, path
        assert OTHER not in said, path
        assert world.other_ward not in said, path
    assert desk.get(f"/wards/{code}").status_code == 404


def test_nobody_approves_their_own_proposal_whatever_they_hold(world: World) -> None:
    at = f"/plans/{world.plan_key}"
    own, second = sign_in_as(world.app, "everything"), sign_in_as(world.app, "is-approver")
    body = {"reason": "agreed", "no_equality_reason": "no table was given"}
    refused = own.post(f"{at}/approve", body, version=world.plan_version)
    assert refused.status_code == 403
    assert "second person" in refused.json()["detail"]
    assert second.post(f"{at}/approve", body, version=99).status_code == 412
    for name in ("is-planner", "is-chair", "is-commander", "is-administrator", "is-auditor"):
        answer = sign_in_as(world.app, name).post(f"{at}/approve", body, version=99)
        assert answer.status_code == 403, name
