"""Every page of the service by its address, and somebody who has brought in what they show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from api.routes.table import ENDPOINTS
from tests.api.accounts_world import Person
from tests.api.service_world import FLEET, SAME_ORIGIN, WEEK
from tests.unit.feed_files import MEETING_HEADER, meeting_line

#: Not pages of ours: files, and what answers with another page or ends the session.
NO_PAGES = frozenset({"/static/{name}", "/openapi.json", "/ogc/"})
#: Whoever opens every page holds these; approving and the like are refused on the page itself.
EVERY_ROLE = ("planner", "chair", "approver", "commander", "analyst", "auditor", "administrator")


@dataclass(frozen=True)
class Words:
    """The texts that a person or a file brings in.

    Attributes
    ----------
    rows
        Lines of the evidence file.
    file, sent_as
        Name of the file as it is told, and as the browser sends it.
    label
        Name of an event, an account and a key, and a remark.
    reason
        Why the plan is proposed, and a fleet is kept.
    """

    rows: tuple[str, ...]
    file: str
    sent_as: str
    label: str
    event_kind: str
    fleet_label: str
    fleet_reason: str
    reason: str


PLAIN = Words(
    rows=(meeting_line("R1"), meeting_line("R2", occurred_at="never", handling_code="P",
                                           source_grade="1", information_grade="A")),
    file="week.csv",
    sent_as="week.csv",
    label="Nightly export",
    event_kind="football",
    fleet_label="assumption of the tests",
    fleet_reason="one vehicle is in repair",
    reason="agreed at the meeting",
)  # fmt: skip


def pages() -> list[str]:
    """Return the path of every page of the service, its parameters unfilled."""
    hidden = {one.path for one in ENDPOINTS if one.method == "GET" and not one.shown}
    return sorted(hidden - NO_PAGES)


def filled_in(path: str, known: dict[str, str]) -> str:
    """Return the address of a page about the made-up week."""
    names = re.findall(r"\{([a-z_]+)\}", path)
    missing = sorted(set(names) - set(known))
    if missing:
        raise KeyError(f"a new page is about {missing}: bring one in here")
    for name in names:
        path = path.replace(f"{{{name}}}", known[name])
    return path if "?" in path else f"{path}?week={WEEK}"


def bring_in(person: Person, words: Words) -> dict[str, str]:
    """Bring words in wherever text is taken; return a value for each parameter of an address."""
    headers = {**SAME_ORIGIN, "X-CSRF-Token": person.form_token}
    file = "\n".join([MEETING_HEADER, *words.rows, ""]).encode()
    receipt = _made(person.client.post(
        "/feeds", headers=headers, data={"report_rejected": "true", "name": words.file},
        files={"file": (words.sent_as, file)},
    ), 201)  # fmt: skip
    event = {"name": words.label, "remark": words.label, "kind": words.event_kind,
             "from": "2026-11-24", "to": "2026-11-25", "boroughs": ["E09000012"],
             "extra_share": 0.5}  # fmt: skip
    _made(person.post("/events", event), 201)
    fleet = FLEET.replace("assumption of the tests", words.fleet_label)
    sent = {**headers, "If-None-Match": "*", "Content-Type": "application/toml"}
    address = f"/fleets/other?reason={quote(words.fleet_reason)}"
    _made(person.client.put(address, content=fleet, headers=sent), 201)
    user = {"name": "yvo", "display_name": words.label, "roles": ["analyst"]}
    _made(person.post("/users", user), 201)
    key = {"owner": "zed", "label": words.label, "actions": ["plan.read"], "days": 3}
    key_id = _made(person.post("/keys", key), 201)["key_id"]
    plan = _made(person.post("/plans", {"week": WEEK}), 201)
    proposal = {"reason": words.reason}
    _made(person.post(f"/plans/{plan['key']}/propose", proposal, plan["version"]), 200)
    order = {"week": WEEK, "fleet_id": "other"}
    waiting = {**headers, "Prefer": "respond-async"}
    job = _made(person.client.post("/allocate", json=order, headers=waiting), 202)
    return {
        "receipt_id": receipt["receipt_id"], "key": plan["key"], "name": "yvo",
        "job_id": job["job_id"], "code": "E09000012", "week": WEEK, "key_id": key_id,
    }  # fmt: skip


def _made(answer: Any, status: int) -> dict[str, Any]:
    if answer.status_code != status:
        raise ValueError(f"{answer.request.url} answered {answer.status_code}: {answer.text}")
    body: dict[str, Any] = answer.json()
    return body
