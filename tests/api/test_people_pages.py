"""The pages of people and keys: forms that change what they say, and refusals that stay on them."""

from __future__ import annotations

import base64
import html
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from api.store.schema import idempotency_keys
from tests.api.accounts_world import (
    Person,
    add_person,
    administered,
    enter_with,
    entries,
    record_of,
    sign_in_as,
)
from tests.api.service_world import HTML, ORIGIN, SAME_ORIGIN

SCRIPT = "<script>planted(1)</script>"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    with administered(tmp_path_factory.mktemp("pages")) as made:
        yield made


@pytest.fixture(scope="module")
def root(app: FastAPI) -> Person:
    return sign_in_as(app, "root")


def send(person: Person, path: str, **fields: Any) -> Any:
    """Post a form as the pages do."""
    given = {"form_token": person.form_token, **fields}
    return person.client.post(path, data=given, headers={**SAME_ORIGIN, **HTML})


def stranger(app: FastAPI) -> TestClient:
    """Return a browser nobody is signed in with."""
    return TestClient(app, base_url=ORIGIN, follow_redirects=False)


def secret(answer: Any) -> str:
    """Return what the page shows once."""
    found = re.search(r'<code class="secret">([^<]+)</code>', answer.text)
    assert found, answer.text
    return html.unescape(found[1])


def test_a_person_is_added_changed_closed_and_opened_again(app: FastAPI, root: Person) -> None:
    made = send(root, "/people", name="ann", display_name="Ann", role=["planner", "chair"])
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    once = secret(made)
    assert enter_with(stranger(app), "ann", once).headers["location"] == "/password"
    shown = root.get("/people/ann", **HTML)
    assert once not in shown.text
    changed = send(
        root, "/people/ann/rights", version="1", role="borough", borough="E09000012",
        scope="handling-c", reason="moved to Hackney",
    )  # fmt: skip
    assert (changed.status_code, changed.headers["location"]) == (303, "/people/ann?done=rights")
    page = root.get("/people/ann?done=rights", **HTML).text
    assert "Hackney" in page
    assert "sessions have ended" in page
    late = send(root, "/people/ann/close", version="1", reason="left")
    assert late.status_code == 412
    assert "changed by somebody else" in late.text
    closed = send(root, "/people/ann/close", version="2", reason="left")
    assert closed.headers["location"] == "/people/ann?done=close"
    back = send(root, "/people/ann/reopen", version="3", reason="came back")
    assert enter_with(stranger(app), "ann", secret(back)).status_code == 303
    again = send(root, "/people/ann/reopen", version="3", reason="came back")
    assert again.status_code == 412
    reset = send(root, "/people/ann/password", version="4", reason="rang me up")
    assert secret(reset) != secret(back)
    reasons = [one for one in entries(app) if one[:4] == ("root", "users.manage", "done", "ann")]
    assert len(reasons) == 5


def test_a_refusal_stays_on_the_page_with_what_was_typed(root: Person) -> None:
    refused = send(root, "/people", name="аnn", display_name="Ann & Co", role="planner")
    assert refused.status_code == 422
    assert "not a Latin letter" in refused.text
    assert 'value="Ann &amp; Co"' in refused.text
    assert re.search(r'value="planner" checked', refused.text)
    nobody = send(root, "/people", name="nob", display_name="Nob")
    assert nobody.status_code == 422
    assert send(root, "/people", name="ROOT", display_name="x", role="planner").status_code == 409
    own = send(root, "/people/root/password", version="1", reason="mine")
    assert own.status_code == 422
    assert "/password" in own.text
    last = send(root, "/people/root/close", version="1", reason="mine")
    assert "own rights" in last.text
    assert send(root, "/people/nobody-here/close", version="1", reason="x").status_code == 404


def test_a_form_from_elsewhere_changes_nothing(root: Person) -> None:
    for path in ("/people", "/people/root/close", "/program-keys"):
        fields = {"form_token": "guessed", "name": "eve", "role": "administrator"}
        answer = root.client.post(path, data=fields, headers=SAME_ORIGIN)
        assert answer.status_code == 403
        foreign = {"form_token": root.form_token, "name": "eve", "role": "administrator"}
        answer = root.client.post(path, data=foreign, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403
    assert root.get("/users/eve").status_code == 404


def test_script_in_a_name_or_a_label_is_text(root: Person) -> None:
    made = send(root, "/people", name="tag", display_name=SCRIPT, role="planner")
    label = send(root, "/program-keys", owner="tag", label=SCRIPT, action="plan.read", days="3")
    for answer in (made, label, root.get("/people", **HTML), root.get("/program-keys", **HTML)):
        assert answer.status_code == 200
        assert "<script>planted" not in answer.text
        assert "&lt;script&gt;planted" in answer.text
        assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_a_key_is_made_and_ended_and_its_secret_kept_nowhere(app: FastAPI, root: Person) -> None:
    add_person(app, "kim", "planner")
    headers = {**SAME_ORIGIN, "Idempotency-Key": "page"}
    fields = {"form_token": root.form_token, "owner": "kim", "label": "nightly",
              "action": ["plan.read", "job.read"], "days": "30"}  # fmt: skip
    made = root.client.post("/program-keys", data=fields, headers=headers)
    bearer = {"Authorization": f"Bearer {secret(made)}"}
    assert root.client.post("/program-keys", data=fields, headers=headers).status_code == 200
    with record_of(app).store.read() as tx:
        for kept in tx.execute(select(idempotency_keys.c.response)).scalars():
            assert bearer["Authorization"][7:] not in base64.b64decode(kept["body"]).decode()
    free = stranger(app)
    assert free.get("/jobs", headers=bearer).status_code == 200
    key_id = bearer["Authorization"][7:].split("_")[1]
    ended = send(root, f"/program-keys/{key_id}/revoke", reason="replaced")
    assert ended.headers["location"] == "/program-keys?done=ended"
    assert free.get("/jobs", headers=bearer).status_code == 401
    again = send(root, f"/program-keys/{key_id}/revoke", reason="replaced")
    assert again.status_code == 409
    for wrong in ({"days": "many"}, {"days": "400"}, {"owner": "nobody-here"}, {"action": []},
                  {"action": "plan.approve"}, {"label": "x" * 201}):  # fmt: skip
        assert send(root, "/program-keys", **{**fields, **wrong}).status_code in (404, 422)


def test_a_key_is_replaced_on_the_page_and_says_when_it_was_used(
    app: FastAPI, root: Person
) -> None:
    add_person(app, "kit", "planner")
    fields = {"owner": "kit", "label": "nightly", "action": ["job.read"], "days": "30"}
    old = secret(send(root, "/program-keys", **fields))
    row = re.compile(rf"<code>{old.split('_')[1]}</code>.*?</tr>", re.DOTALL)
    page = root.get("/program-keys", **HTML).text
    assert 'data-label="Last used">never<' in row.search(page)[0]  # type: ignore[index]  # found above
    with record_of(app).store.write():  # another writer is at work: a read goes on
        answer = stranger(app).get("/jobs", headers={"Authorization": f"Bearer {old}"})
        assert answer.status_code == 200
    until = time.monotonic() + 30
    while "never<" in row.search(page)[0]:  # type: ignore[index]  # found above
        assert time.monotonic() < until
        page = root.get("/program-keys", **HTML).text
    at = f"/program-keys/{old.split('_')[1]}/replace"
    for wrong in ({"days": "many"}, {"days": "0"}, {"overlap_days": "31"}, {"overlap_days": "-1"}):
        assert send(root, at, **{"days": "90", "overlap_days": "7", **wrong}).status_code == 422
    made = send(root, at, days="90", overlap_days="0")
    assert "opens nothing any more" in made.text
    for text, status in ((old, 401), (secret(made), 200)):
        answer = stranger(app).get("/jobs", headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == status
    assert send(root, at, days="90", overlap_days="7").status_code == 409


def test_everybody_is_told_what_they_may_do(app: FastAPI) -> None:
    add_person(app, "desk", "borough", boroughs=("E09000012",))
    add_person(app, "app", "approver")
    free = stranger(app)
    assert enter_with(free, "desk", "correct horse battery").headers["location"] == "/may-do"
    page = free.get("/may-do").text
    may, may_not = page.split('id="may-not-title"')
    assert "Read a borough&#39;s part of the picture" in may
    assert "Read a plan" in may_not
    assert "plan.read" not in page
    assert "Hackney" in may
    approver = sign_in_as(app, "app").get("/may-do").text.split('id="may-not-title"')[0]
    assert "never for one’s own draft or proposal" in approver
    assert sign_in_as(app, "app").get("/people").status_code == 403
