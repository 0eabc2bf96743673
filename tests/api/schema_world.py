"""The service as its own description promises it, walked by schemathesis in this process.

Work is refused or ended after a moment by the limits of the settings, so that no solve is waited
for; what is refused then is 503 with Retry-After, as the description says.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from fastapi import FastAPI
from schemathesis.engine import events, from_schema

from api.access import Action, Actor, Resource, Role, decide
from api.files.output import json_text, text_writer, write_all
from api.identify import token_actor
from api.plans.verdict_file import VERDICT
from api.settings import Limits
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import Person, add_person, sign_in_as
from tests.api.service_world import (
    BEARER,
    WEEK,
    Clock,
    fill,
    made_up_week,
    service,
)
from tests.unit.feed_files import MEETING_HEADER, meeting_line

#: What schemathesis calls the host it asks in this process.
HOST = "testserver"
#: No work is begun: every request for it is told to come back.
NO_WORK = {"work_slots": 0, "work_waiting": 0}
#: Work is begun in a process of its own and ended at once when it takes long.
SHORT_WORK = {"work_slots": 2, "solve_s": 0.05, "grace_s": 0.5, "assess_s": 20.0}
#: Operations whose edges the short run tries: one of each way in which parameters are read.
FEW_EDGES = "^/(feeds|incidents|plans|jobs|keys|ogc/collections/wards/items)(/{[a-z_]+})?$"
#: What the made-up week has: half of the requests that could name it do.
KNOWN = {
    "weeks": [WEEK],
    "boroughs": ["E09000012", "E09000033"],
    "fleets": ["example"],
    "people": ["cyd", "ann"],
    "days": ["2026-11-23", "23/11/2026"],
}
KNOWN_AT = {
    "query.week": "weeks",
    "body.week": "weeks",
    "path.code": "boroughs",
    "path.fleet_id": "fleets",
    "body.fleet_id": "fleets",
    "path.name": "people",
    "body.as_of": "days",
    "query.known_on": "days",
}
SEED = 20261123
#: Seconds that one answer may take: 10, the default, are too few on a machine that is busy, and
#: what is not answered in time is a NonFatalError of whichever operation it happens to be.
ANSWER_S = 120.0
#: Who signs in for what the token may not do.
PEOPLE = {
    "cyd": (Role.CHAIR, Role.APPROVER),
    "eve": (Role.AUDITOR,),
    "ana": (Role.ANALYST,),
    "pam": (Role.PLANNER,),
    "mo": (Role.COMMANDER,),
    "com": (Role.COMMANDER,),
}
CARD = {"verdict": "few incidents"}
WORDS = {"headline": "better", "sentences": [], "rows": [], "basis": "400 weeks"}
#: Statuses that speak of this one request, which a remedy can help.
WITH_REMEDY = frozenset({400, 405, 409, 412, 413, 422, 428, 429, 503})
USUAL_HEADERS = ("X-Request-Id", "X-Content-Type-Options", "Content-Security-Policy")


class MovingClock(Clock):
    """A clock that moves with each look: nobody who guesses is slowed down."""

    def __call__(self) -> float:
        self.now_s += 7.0
        return self.now_s


def fill_week(root: Path) -> None:
    """Publish a made-up week into a new folder, with all that its approval needs beside it."""
    area = load_bundled()
    assessment, plan = made_up_week(area)
    fill(root, area, assessment, plan)
    card = {"backtest.json": text_writer(json_text(CARD))}
    write_all(root / "assessments" / assessment.assessment_id, card)
    verdict = {VERDICT: text_writer(json_text({"in_words": WORDS}))}
    write_all(root / "plans" / WEEK / plan.plan_id, verdict)


def described_service(root: Path, limits: Mapping[str, float]) -> FastAPI:
    """Return a service on a folder of :func:`fill_week`, with these limits of work."""
    unhurried = Limits(reads_per_minute=10**6, changes_per_minute=10**6, **limits)  # type: ignore[arg-type]  # names of limits
    hosts = frozenset({HOST, "127.0.0.1"})
    return service(root, clock=MovingClock(), limits=unhurried, allowed_hosts=hosts)


@dataclass
class Found:
    """What a walk found: how often each operation answered with each status, and its failures."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    phases: dict[str, str] = field(default_factory=dict)

    def statuses(self, operation: str) -> set[int]:
        """Return the statuses an operation answered with."""
        return {status for label, status in self.answers if label == operation}

    def report(self) -> str:
        """Return every failure with what shows it again."""
        return "\n\n".join(
            f"{label}: {check}\n{text}" for (label, check), text in self.failures.items()
        )


def walk(
    app: FastAPI,
    *,
    examples: int = 0,
    steps: int = 0,
    paths: str = "",
    edges: str = "",
    anonymous: bool = False,
) -> Found:
    """Walk the interface of a service by every check of schemathesis and one of our own.

    Parameters
    ----------
    app
        From :func:`described_service`.
    examples
        Generated requests an operation, beside the examples and the edges of every schema; 0 for
        walks along links alone.
    steps
        Walks along the links; 0 for none.
    paths
        Only the operations whose path matches: a walk along links then stays among them.
    edges
        Try the edges of the schemas (the phase called coverage) of those alone whose path
        matches; by default of all.
    anonymous
        True to ask without any credential.
    """
    schema = schemathesis.openapi.from_asgi(
        "/openapi.json", app, config=_config(examples, steps, edges), headers=dict(BEARER)
    )
    schema.hook("filter_failure")(_is_a_failure)
    schema.hook("map_body")(_with_sound_feeds)
    if not anonymous:
        schema.auth(refresh_interval=None)(_credentials(app))
    found = Found()
    schema = schema.include(path_regex=paths) if paths else schema
    for event in from_schema(schema).execute():
        if isinstance(event, events.FatalError | events.NonFatalError):
            found.failures[(str(getattr(event, "label", "")), type(event).__name__)] = _words(event)
        elif isinstance(event, events.PhaseFinished):
            found.phases[event.phase.name.value] = event.status.value
        elif isinstance(event, events.ScenarioFinished):
            _note(found, event)
    return found


def _config(examples: int, steps: int, edges: str = "") -> schemathesis.Config:
    """Return what to generate: the same at every run."""
    same = {"deterministic": True, "database": "none", "no-shrink": True}
    broad = {"enabled": examples > 0}
    walks = {**same, "max-examples": max(1, steps), "mode": "positive"}
    return schemathesis.Config.from_dict(
        {
            "seed": SEED,
            "suppress-health-check": ["all"],
            "continue-on-failure": True,
            "max-stream-events": 2,
            "request-timeout": ANSWER_S,
            "dictionaries": {name: {"values": values} for name, values in KNOWN.items()},
            "parameters": {
                at: {"dictionary": name, "probability": 0.5} for at, name in KNOWN_AT.items()
            },
            "generation": {**same, "max-examples": max(1, examples)},
            "phases": {
                "examples": broad,
                "coverage": {**broad, "enabled": not edges},
                "fuzzing": broad,
                "stateful": {"enabled": steps > 0, "generation": walks},
            },
            "operations": [
                {"include-path-regex": edges, "phases": {"coverage": {**broad}}},
            ]
            if edges
            else [],
            "checks": {
                # Refusing work for now is described, with Retry-After; a defect is 500.
                "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "503"]},
                "missing_required_header": {"expected-statuses": ["401", "403", "422", "428"]},
            },
        }
    )


@schemathesis.check
def whole_answer(_ctx: Any, response: Any, _case: Any) -> None:
    """Check that a problem is whole, with a remedy, and that every answer has its headers."""
    headers = {name.lower(): value[0] for name, value in response.headers.items()}
    absent = [name for name in USUAL_HEADERS if name.lower() not in headers]
    if absent:
        raise AssertionError(f"the answer lacks {absent}")
    if response.status_code < 400:
        return
    if headers["content-type"] != "application/problem+json":
        raise AssertionError(f"{response.status_code} as {headers['content-type']}")
    body = json.loads(response.content)
    if body["status"] != response.status_code or body["request_id"] != headers["x-request-id"]:
        raise AssertionError(f"the problem is of another answer: {body}")
    if response.status_code in WITH_REMEDY and not re.search(r"Remedy: \S", body["detail"]):
        raise AssertionError(f"no remedy: {body['detail']}")
    if response.status_code == 503 and not headers.get("retry-after"):
        raise AssertionError("503 without Retry-After")
    if re.search(r'Traceback|File "|sqlalchemy|site-packages', response.text):
        raise AssertionError("the inside shows")


def _is_a_failure(_context: Any, failure: Any, _case: Any, response: Any) -> bool:
    """Leave out one thing: a request of the right shape that the rules of the field refuse.

    A schema cannot say which weeks have a plan, or that a box runs from west to east. Where the
    shape itself was the reason (``invalid-request``), the description is wrong: that fails.
    """
    if type(failure).__name__ != "RejectedPositiveData":
        return True
    if response.status_code not in (400, 406, 412, 413, 422, 428):
        return True
    said = json.loads(response.content)
    return bool(said["type"].endswith(":invalid-request") or "Remedy: " not in said["detail"])


def _with_sound_feeds(context: Any, body: Any) -> Any:
    """Send a sound feed, each its own, in half of the forms that take one: chance makes none."""
    operation = context.operation
    if operation is None or operation.label != "POST /feeds" or not isinstance(body, dict):
        return body
    number = zlib.crc32(repr(sorted(body.items(), key=str)).encode())
    if number % 2:
        return body
    line = meeting_line(f"S{number}", easting=str(530_000 + number % 1000))
    return {**body, "file": f"{MEETING_HEADER}\n{line}\n".encode(), "name": f"s{number}.csv"}


def _credentials(app: FastAPI) -> type:
    """Return what proves who asks: the token, or the session of a person it takes."""
    people: dict[str, Person] = app.state.__dict__.setdefault("signed_in", {})

    class Credentials:
        def get(self, case: Any, _ctx: Any) -> dict[str, str]:
            action = Action(case.operation.definition.raw["x-action"])
            if decide(token_actor("token"), action, Resource("operation")).allowed:
                return dict(BEARER)
            name = next(
                name for name, roles in PEOPLE.items()
                if decide(Actor(name, frozenset(roles), "session"), action, Resource("x")).allowed
            )  # fmt: skip
            if name not in people:
                add_person(app, name, *map(str, PEOPLE[name]))
                people[name] = sign_in_as(app, name)
            one = people[name]
            cookie = "; ".join(f"{kept.name}={kept.value}" for kept in one.client.cookies.jar)
            return {"Cookie": cookie, "X-CSRF-Token": one.form_token, "Origin": f"http://{HOST}"}

        def set(self, case: Any, data: dict[str, str], _ctx: Any) -> None:
            case.headers = {**(case.headers or {}), **data}

    return Credentials


def _note(found: Found, event: Any) -> None:
    recorder = event.recorder
    for case_id, kept in recorder.interactions.items():
        case = recorder.cases.get(case_id)
        if kept.response is not None and case is not None:
            found.answers[(case.value.operation.label, kept.response.status_code)] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            label = recorder.cases[case_id].value.operation.label
            kept = recorder.interactions.get(case_id)
            answer = kept.response.content[:400] if kept and kept.response else b""
            text = (
                f"{check.failure_info.failure}\n{check.failure_info.code_sample[:1500]}\n{answer!r}"
            )
            found.failures.setdefault((label, check.name), text)


def _words(event: Any) -> str:
    return str(getattr(event, "exception", None) or getattr(event, "value", event))


def answered(found: Found) -> Iterator[str]:
    """Yield one line an operation: how often it answered with each status."""
    labels = sorted({label for label, _ in found.answers})
    for label in labels:
        counts = {status: n for (one, status), n in sorted(found.answers.items()) if one == label}
        yield f"{label}: " + ", ".join(f"{status} x{n}" for status, n in counts.items())
