"""Every method of the client against /openapi.json, and every operation against the client."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from api.app import create_app
from api.client.exchange import Exchange
from api.client.messages import Answer, Request
from api.client.records import PlanRecord
from api.client.service import ServiceClient
from api.settings import Settings

KEY, WEEK, AUTHOR = "2026-W48-0123456789ab", "2026-W48", "ann.miller"
JOB, RECEIPT = "job-" + "0" * 24, "ab" * 32
PLAN = PlanRecord(KEY, WEEK, "p", "draft", 3, "", "", {})
ROSTER = "tpu-2026-11-23-" + "0" * 16
ROOT = Path(__file__).resolve().parents[2]
USER = {"name": AUTHOR, "version": 2}
EVENT = {"event_id": "ev-" + "0" * 16, "version": 1}
ACTION = {"action_id": "ac-" + "0" * 16, "version": 1}

#: Operations that have no method, and why.
LEFT_OUT = {
    "GET /ogc": "a GIS starts there; the client knows the collections",
    "GET /ogc/api": "for a GIS; the client reads /openapi.json",
    "GET /ogc/conformance": "for a GIS",
    "GET /tpu/{roster_id}/roster.pdf": "a link for browsers; proactive.paper asks by form",
    "GET /tpu/{roster_id}/roster.csv": "a link for browsers; proactive.get has it all",
    **{
        f"GET /ogc/collections/{name}": "says of one collection what /ogc/collections says of all"
        for name in ("wards", "boroughs", "hot-spots", "patrol-areas", "incidents")
    },
}

Call = Callable[[ServiceClient, Path], object]
#: Each public method with what an analyst gives it.
CALLS: Mapping[str, Call] = {
    "health": lambda c, f: c.health(),
    "ready": lambda c, f: c.ready(),
    "metrics": lambda c, f: c.metrics(),
    "feeds.upload": lambda c, f: c.feeds.upload(f, report_rejected=True),
    "feeds.freshness": lambda c, f: c.feeds.freshness(),
    "feeds.receipts": lambda c, f: list(c.feeds.receipts()),
    "feeds.receipt": lambda c, f: c.feeds.receipt(RECEIPT),
    "feeds.rejected": lambda c, f: c.feeds.rejected(RECEIPT),
    "feeds.incidents": lambda c, f: list(
        c.feeds.incidents(
            known_on="2026-11-23", bbox_m=(1, 2, 3, 4), borough="E09000012", sources=("a", "b")
        )
    ),
    "assessments.make": lambda c, f: c.assessments.make(
        "2026-11-23", incidents=[f], counts=[f], policy=f, seed=1, classification="OFFICIAL",
        report_rejected=True, drop_personal_columns=True,
    ),
    "assessments.list": lambda c, f: list(c.assessments.list()),
    "assessments.summary": lambda c, f: c.assessments.summary("ra-1"),
    "assessments.get": lambda c, f: c.assessments.get("ra-1"),
    "assessments.map": lambda c, f: c.assessments.map(),
    "assessments.table": lambda c, f: c.assessments.table("wards", "ra-1"),
    "plans.allocate": lambda c, f: c.plans.allocate(
        week=WEEK, fleet={"service_standard_s": 540, "turnout_s": 60, "units": []},
        locks={"ARV-01": ["E09000012"]}, excludes={"ARV-02": ["E09000012"]}, max_changes=3,
        support={}, coverage_floor=0.1, robust="cvar", events=[], time_limit_s=5.0,
        assessment_id="ra-1",
    ),
    "plans.in_force": lambda c, f: c.plans.in_force(WEEK),
    "plans.map": lambda c, f: c.plans.map(WEEK),
    "plans.briefing": lambda c, f: c.plans.briefing(WEEK),
    "plans.verdict": lambda c, f: c.plans.verdict(WEEK),
    "plans.areas": lambda c, f: c.plans.areas(WEEK),
    "plans.records": lambda c, f: c.plans.records(WEEK),
    "plans.record": lambda c, f: c.plans.record(KEY),
    "plans.draft": lambda c, f: c.plans.draft(WEEK),
    "plans.propose": lambda c, f: c.plans.propose(PLAN, "agreed"),
    "plans.approve": lambda c, f: c.plans.approve(PLAN, "read", no_equality_reason="none"),
    "plans.reject": lambda c, f: c.plans.reject(PLAN, "no"),
    "plans.publish": lambda c, f: c.plans.publish(PLAN),
    "plans.withdraw": lambda c, f: c.plans.withdraw(PLAN, "it no longer holds"),
    "plans.state_equality": lambda c, f: c.plans.state_equality(PLAN, f),
    "plans.fall_back": lambda c, f: c.plans.fall_back(WEEK, "no solver"),
    "plans.export": lambda c, f: [
        c.plans.export(KEY, form) for form in ("gpkg", "parquet", "gpx", "csv")
    ],
    "studies.replan": lambda c, f: c.studies.replan(
        PLAN, "a unit is lost", lost=["ARV-01"], locks={"ARV-02": ["E09000012"]},
        fleet_id="mine", max_changes=3, coverage_tolerance=0.01, curve=False, time_limit_s=5.0,
    ),
    "studies.simulate": lambda c, f: c.studies.simulate(PLAN, weeks=10, seed=1, fleet_id="mine"),
    "studies.compare": lambda c, f: c.studies.compare(PLAN, fleet_id="mine", time_limit_s=5.0),
    "studies.alternatives": lambda c, f: c.studies.alternatives(
        PLAN, fleet_id="mine", count=1, tolerance=0.01
    ),
    "studies.kept": lambda c, f: [
        c.studies.kept(PLAN, one)
        for one in ("replan", "simulation", "comparison", "alternatives")
    ],
    "places.wards": lambda c, f: list(
        c.places.wards(borough="E09000012", tier="high", target="harm", order="code")
    ),
    "places.ward": lambda c, f: c.places.ward("E05000001", target="harm"),
    "places.boroughs": lambda c, f: list(c.places.boroughs(assessment_id="ra-1")),
    "places.borough": lambda c, f: c.places.borough("E09000012", WEEK),
    "places.hot_spots": lambda c, f: list(c.places.hot_spots(borough="E09000012")),
    "places.hot_spot": lambda c, f: c.places.hot_spot("H1", "ra-1"),
    "places.collections": lambda c, f: c.places.collections(),
    "places.features": lambda c, f: [
        c.places.features(one, bbox_m=(1, 2, 3, 4), datetime="2026-11-23")
        for one in ("wards", "boroughs", "hot-spots", "patrol-areas", "incidents")
    ],
    "places.feature": lambda c, f: [
        c.places.feature(one, "1")
        for one in ("wards", "boroughs", "hot-spots", "patrol-areas", "incidents")
    ],
    "fleets.list": lambda c, f: list(c.fleets.list()),
    "fleets.get": lambda c, f: c.fleets.get("mine", 2),
    "fleets.versions": lambda c, f: list(c.fleets.versions("mine")),
    "fleets.keep": lambda c, f: [
        c.fleets.keep("mine", f), c.fleets.keep("mine", f, version=2, reason="a new unit")
    ],
    "calendar.list": lambda c, f: list(c.calendar.list(first_day="2026-11-23", to="2026-11-29")),
    "calendar.add": lambda c, f: c.calendar.add(
        {"name": "Carnival", "from": "2026-08-30", "to": "2026-08-31", "extra_share": 0.5}
    ),
    "calendar.get": lambda c, f: c.calendar.get(EVENT["event_id"]),
    "calendar.cancel": lambda c, f: c.calendar.cancel(EVENT, "rain"),
    "actions.list": lambda c, f: list(c.actions.list(owner="Ann", overdue=False)),
    "actions.add": lambda c, f: c.actions.add("Ask Hackney", "Ann", "2026-11-27", plan_key=KEY),
    "actions.get": lambda c, f: c.actions.get(ACTION["action_id"]),
    "actions.finish": lambda c, f: c.actions.finish(ACTION, "asked"),
    "actions.cancel": lambda c, f: c.actions.cancel(ACTION, "not wanted"),
    "actions.move": lambda c, f: c.actions.move(ACTION, owner="Bea", due_on="2026-11-30"),
    "jobs.list": lambda c, f: list(c.jobs.list()),
    "jobs.get": lambda c, f: c.jobs.get(JOB),
    "jobs.stop": lambda c, f: c.jobs.stop(JOB),
    "jobs.results": lambda c, f: c.jobs.results(JOB),
    "jobs.events": lambda c, f: list(c.jobs.events(JOB)),
    "jobs.follow": lambda c, f: c.jobs.follow(JOB),
    "proactive.make": lambda c, f: c.proactive.make(
        ROOT / "examples" / "tpu.toml", first_day="2026-11-23", seed=7, time_limit_s=5.0
    ),
    "proactive.list": lambda c, f: list(c.proactive.list(first_day="2026-11-23")),
    "proactive.get": lambda c, f: c.proactive.get(ROSTER),
    "proactive.paper": lambda c, f: c.proactive.paper(ROSTER),
    "proactive.taskings": lambda c, f: c.proactive.taskings(ROSTER),
    "proactive.propose": lambda c, f: c.proactive.propose(ROSTER),
    "proactive.authorise": lambda c, f: c.proactive.authorise(
        ROSTER, "FA1 7", [{"tasking_id": "tasking-" + "0" * 16, "version": 1, "team": "TPU-A"}],
        verdict="refused",
    ),
    "people.list": lambda c, f: list(c.people.list()),
    "people.get": lambda c, f: c.people.get(AUTHOR),
    "people.add": lambda c, f: c.people.add(AUTHOR, "Ann Miller", ["planner"], scopes=[]),
    "people.change_rights": lambda c, f: c.people.change_rights(USER, ["chair"], "moved"),
    "people.close": lambda c, f: c.people.close(USER, "left"),
    "people.reopen": lambda c, f: c.people.reopen(USER, "came back"),
    "people.new_password": lambda c, f: c.people.new_password(USER, "forgot"),
    "people.keys": lambda c, f: list(c.people.keys()),
    "people.key": lambda c, f: c.people.key("k" + "0" * 12),
    "people.add_key": lambda c, f: c.people.add_key(AUTHOR, "nightly", ["plan.read"], days=30),
    "people.replace_key": lambda c, f: c.people.replace_key("k" + "0" * 12, overlap_days=0),
    "people.revoke_key": lambda c, f: c.people.revoke_key("k" + "0" * 12, "replaced"),
    "people.rules": lambda c, f: c.people.rules(),
    "audit.entries": lambda c, f: list(
        c.audit.entries(actor=AUTHOR, first_day="2026-11-23", to="2026-11-29")
    ),
    "audit.entry": lambda c, f: c.audit.entry(7),
    "audit.head": lambda c, f: c.audit.head(),
    "audit.anchor": lambda c, f: c.audit.anchor(),
    "audit.check": lambda c, f: c.audit.check(),
}  # fmt: skip
#: Methods made of others, tried against the service in test_client.py.
MADE_OF_OTHERS = {
    "signed_in", "first_signed_in", "sign_out", "wait_until_ready", "interface", "get",
    "plans.patrol_areas", "jobs.run",
}  # fmt: skip


@dataclass
class Wire:
    """Stands in for the network: checks each request against the interface and answers."""

    document: Mapping[str, Any]
    operations: set[str] = field(default_factory=set)

    def send(self, request: Request) -> Answer:
        name, operation = self.operation(request)
        self.operations.add(name)
        self.check_parameters(request, operation)
        self.check_body(request, operation)
        return self.answer(operation)

    def operation(self, request: Request) -> tuple[str, Mapping[str, Any]]:
        for path, methods in self.document["paths"].items():
            pattern = re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(path))
            found = methods.get(request.method.lower())
            if found and re.fullmatch(pattern, request.path):
                self.check_path(path, request.path, found)
                return f"{request.method} {path}", found
        raise AssertionError(f"the interface has no {request.method} {request.path}")

    def check_path(self, template: str, path: str, operation: Mapping[str, Any]) -> None:
        schemas = {one["name"]: one["schema"] for one in operation.get("parameters", [])}
        for wanted, given in zip(template.split("/"), path.split("/"), strict=True):
            if wanted.startswith("{") and wanted.endswith("}"):
                self.check_text(given, schemas[wanted[1:-1]])

    def check_parameters(self, request: Request, operation: Mapping[str, Any]) -> None:
        parameters = operation.get("parameters", [])
        known = {one["name"]: one for one in parameters if one["in"] == "query"}
        for name, value in request.query:
            assert name in known, f"{request.path} has no parameter {name}"
            schema = known[name]["schema"]
            parts = value.split(",") if known[name].get("explode") is False else [value]
            for part in parts:
                self.check_text(part, schema.get("items", schema))
        given = {name for name, _ in request.query}
        assert {name for name, one in known.items() if one.get("required")} <= given
        headers = {one["name"]: one for one in parameters if one["in"] == "header"}
        for name, one in headers.items():
            if name in request.headers:
                self.check_text(request.headers[name], one["schema"])
            assert name in request.headers or not one.get("required"), f"{name} is missing"
        assert set(request.headers) <= {*headers, "Accept", "Prefer"}
        if "Prefer" in request.headers:
            assert "202" in operation["responses"]

    def check_text(self, text: str, schema: Mapping[str, Any]) -> None:
        read = {"integer": int, "number": float, "boolean": {"true": True, "false": False}.get}
        self.validate(read.get(str(schema.get("type")), str)(text), schema)

    def check_body(self, request: Request, operation: Mapping[str, Any]) -> None:
        offered = operation.get("requestBody", {}).get("content", {})
        if request.body is None:
            assert not offered
            return
        kind = request.body.media_type.split(";")[0]
        content = b"".join(request.body.pieces())
        assert kind in offered, f"{request.path} takes {list(offered)}, not {kind}"
        schema = offered[kind].get("schema", {})
        if kind == "application/json":
            self.validate(Answer(200, {}, (), content).json(), schema)
        elif kind == "multipart/form-data":
            names = set(re.findall(rb'; name="([^"]+)"', content))
            known = self.resolved(schema)
            assert {one.decode() for one in names} <= set(known["properties"])
            assert {one.encode() for one in known.get("required", [])} <= names

    def validate(self, value: object, schema: Mapping[str, Any]) -> None:
        whole = {**schema, "components": self.document["components"]}
        wrong = [one.message for one in jsonschema.Draft202012Validator(whole).iter_errors(value)]
        assert not wrong, wrong

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        name = schema.get("$ref", "").rpartition("/")[2]
        return self.document["components"]["schemas"][name] if name else schema

    def answer(self, operation: Mapping[str, Any]) -> Answer:
        code = min(one for one in operation["responses"] if "200" <= one < "300")
        content = operation["responses"][code].get("content", {})
        schema = content.get("application/json", {}).get("schema", {"type": "object"})
        value = {"features": [], "collections": [], **self.sample(schema)}
        return Made(int(code), {}, (), b"a,b\n1,2\n", value)

    def sample(self, schema: Mapping[str, Any]) -> Any:
        """Return the smallest value of a shape; a job that is over."""
        schema = self.resolved(schema)
        if "anyOf" in schema:
            return self.sample(schema["anyOf"][0])
        if "enum" in schema:
            return "successful" if "successful" in schema["enum"] else schema["enum"][0]
        kind = schema.get("type", "object")
        if kind == "object":
            return {
                name: self.sample(schema["properties"][name]) for name in schema.get("required", [])
            }
        return {"array": [], "integer": 1, "number": 0.5, "boolean": False}.get(kind, "x")

    @contextmanager
    def stream(self, path: str, accept: str) -> Iterator[Iterator[bytes]]:
        name, operation = self.operation(Request("GET", path))
        self.operations.add(name)
        assert accept in operation["responses"]["200"]["content"]
        yield iter(())


class Made(Answer):
    """An answer whose content, read as JSON, is a sample of the promised shape."""

    def __init__(self, status: int, headers: Any, cookies: Any, content: bytes, value: Any) -> None:
        super().__init__(status, headers, cookies, content)
        object.__setattr__(self, "value", value)

    def json(self) -> Any:
        return getattr(self, "value")  # noqa: B009  (set on a frozen value)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    data = tmp_path_factory.mktemp("interface")
    app = create_app(Settings(data_dir=data, sample=False), "0" * 64)
    return app.openapi()


@pytest.fixture
def wire(document: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire(document)
    monkeypatch.setattr(Exchange, "send", lambda _, request: made.send(request))
    monkeypatch.setattr(
        Exchange, "stream", lambda _, path, accept: made.stream(path, accept=accept)
    )
    return made


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    path = tmp_path / "week.csv"
    path.write_text("a,b\n", "utf-8")
    return path


@pytest.mark.parametrize("name", CALLS)
def test_a_method_asks_for_what_the_interface_offers(name: str, wire: Wire, feed: Path) -> None:
    CALLS[name](ServiceClient("http://127.0.0.1:8000", token="t"), feed)
    assert wire.operations


def test_every_operation_has_a_method_or_a_reason(
    wire: Wire, feed: Path, document: Mapping[str, Any]
) -> None:
    client = ServiceClient("http://127.0.0.1:8000", token="t")
    for call in CALLS.values():
        call(client, feed)
    offered = {
        f"{method.upper()} {path}" for path, methods in document["paths"].items()
        for method in methods
    }  # fmt: skip
    assert offered - wire.operations == set(LEFT_OUT)


def test_every_public_method_is_tried() -> None:
    client = ServiceClient("http://127.0.0.1:8000", token="t")
    public = {name for name, _ in inspect.getmembers(client, inspect.ismethod) if name[0] != "_"}
    for subject, one in vars(client).items():
        if type(one).__module__.startswith("api.client.") and subject not in ("exchange", "_show"):
            public |= {
                f"{subject}.{name}"
                for name, _ in inspect.getmembers(one, inspect.ismethod)
                if name[0] != "_"
            }
    assert public == set(CALLS) | MADE_OF_OTHERS
