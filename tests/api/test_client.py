"""The client against the service on a socket, and against servers that misbehave."""

from __future__ import annotations

import ast
import datetime as dt
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pytest
from fastapi import FastAPI

from api.client.bodies import form_body
from api.client.errors import (
    ChangedMeanwhileError,
    ConflictError,
    DefectError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    RefusedError,
    TooManyRequestsError,
    UnavailableError,
    UnexpectedAnswerError,
    UnreachableError,
    UnsafeAddressError,
)
from api.client.exchange import Patience
from api.client.progress import StepLines, progress_bar
from api.client.records import Job
from api.client.service import ServiceClient
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import PASSWORD, add_person, entries
from tests.api.service_world import FLEET, TOKEN, WEEK, fill, made_up_week, service
from tests.api.wire_world import Script, on_the_wire, scripted, waits

FEED = (
    "record_id,source,category,basis,occurred_at,known_at,easting,northing\n"
    "R1,reported_shooting,firearm_discharged,reported,20/11/2026 10:00,20/11/2026 11:00,"
    "533500,185000\n"
    "=R2,reported_shooting,firearm_discharged,reported,31/02/2026 10:00,20/11/2026 11:00,"
    "533500,185000\n"
)
PROBLEM = json.dumps(
    {"type": "urn:arv-tasking:problem:busy", "title": "Busy", "status": 503, "detail": "later"}
).encode()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    root = tmp_path_factory.mktemp("client") / "data"
    area = load_bundled()
    fill(root, area, *made_up_week(area))
    return service(root)


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    with on_the_wire(app) as address:
        for name, roles in (("paul", ("planner",)), ("cyd", ("chair", "approver"))):
            add_person(app, name, *roles)
        yield address


@pytest.fixture(scope="module")
def client(url: str) -> ServiceClient:
    return ServiceClient(url, token=TOKEN)


def test_what_is_open_and_what_is_not(url: str, client: ServiceClient) -> None:
    stranger = ServiceClient(url)
    assert stranger.health() == {"status": "ok"}
    assert stranger.ready()["status"] == "ready"
    stranger.wait_until_ready(5)
    with pytest.raises(NotSignedInError, match="Remedy"):
        stranger.plans.in_force(WEEK)
    with pytest.raises(NotSignedInError, match="Remedy"):
        stranger.plans.map(WEEK)  # the service would lead a browser to the sign-in page
    assert "arv_" in client.metrics()


def test_the_plan_in_every_form_with_its_marking(client: ServiceClient) -> None:
    plan = client.plans.in_force(WEEK)
    assert (plan.week, plan.status) == (WEEK, plan.document["status"])
    assert plan.marking["x-plan-id"] == plan.plan_id
    assert plan.marking["x-classification"] == "OFFICIAL-SENSITIVE"
    assert "x-request-id" not in plan.marking
    areas = client.plans.areas(WEEK)
    assert set(areas["unit_id"]) == {unit["unit_id"] for unit in plan.units}
    assert areas.crs.to_epsg() == 4326
    assert areas.attrs["marking"]["x-plan-id"] == plan.plan_id
    assert client.plans.map(WEEK).startswith("<!DOCTYPE html>")
    assert client.plans.briefing(WEEK).startswith(b"%PDF")
    with pytest.raises(NotFoundError) as caught:
        client.plans.in_force("2026-W01")
    assert caught.value.status == 404
    assert WEEK in caught.value.detail
    assert caught.value.request_id


def test_two_people_take_a_plan_through_its_life(app: FastAPI, url: str, tmp_path: Path) -> None:
    door = ServiceClient(url)
    paul, cyd = door.signed_in("paul", PASSWORD), door.signed_in("cyd", PASSWORD)
    drafted = paul.plans.draft(WEEK)
    proposed = paul.plans.propose(drafted, "the meeting agreed")
    assert (proposed.state, proposed.proposer) == ("proposed", "paul")
    with pytest.raises(NotAllowedError):
        paul.plans.approve(proposed)
    with pytest.raises(ChangedMeanwhileError):
        cyd.plans.approve(drafted, no_equality_reason="no table")
    rejected = cyd.plans.reject(proposed, "look at Hackney again")
    assert rejected.state == "rejected"
    with pytest.raises(ConflictError):
        cyd.plans.publish(rejected)
    assert cyd.plans.record(rejected.key) == rejected
    assert [one.key for one in cyd.plans.records(WEEK)] == [rejected.key]
    exported = cyd.plans.patrol_areas(rejected.key)
    assert exported.crs.to_epsg() == 27700
    assert set(exported["state"]) == {"rejected"}
    path = tmp_path / "areas.gpkg"
    path.write_bytes(cyd.plans.export(rejected.key, "gpkg"))
    packed = gpd.read_file(path)
    assert list(packed["unit_id"]) == list(exported["unit_id"])
    cyd.sign_out()
    with pytest.raises(NotSignedInError):
        cyd.plans.records(WEEK)
    done = [(actor, action) for actor, action, outcome, _, _ in entries(app) if outcome == "done"]
    assert done.index(("paul", "plan.propose")) < done.index(("cyd", "plan.reject"))


def test_a_wrong_password_and_a_token_without_a_session(url: str, client: ServiceClient) -> None:
    with pytest.raises(NotSignedInError, match="password"):
        ServiceClient(url).signed_in("paul", "not the password")
    with pytest.raises(NotSignedInError, match="no session"):
        client.sign_out()


def test_a_feed_its_receipt_and_its_refused_rows(client: ServiceClient, tmp_path: Path) -> None:
    feed = tmp_path / "week.csv"
    feed.write_text(FEED, "utf-8")
    with pytest.raises(RefusedError) as caught:
        client.feeds.upload(feed)
    assert (caught.value.members["row"], caught.value.members["file"]) == (2, "week.csv")
    assert caught.value.remedy
    receipt = client.feeds.upload(feed, report_rejected=True)
    assert (receipt.n_records, receipt.n_rejected, receipt.repeated) == (1, 1, False)
    assert client.feeds.upload(feed, report_rejected=True).repeated
    assert client.feeds.receipt(receipt.receipt_id).file == "week.csv"
    assert receipt.receipt_id in {one.receipt_id for one in client.feeds.receipts()}
    assert client.feeds.freshness()
    rejected = client.feeds.rejected(receipt.receipt_id)
    assert list(rejected["row"]) == [2]
    assert rejected.attrs["marking"]["x-classification"]
    found = list(client.feeds.incidents(bbox_m=(533000, 184000, 534000, 186000)))
    assert [one["record_id"] for one in found] == ["R1"]
    [incident] = found
    at = incident["x_m"], incident["y_m"]
    spots = [(x - 0.25, y - 0.25, x + 0.25, y + 0.25) for x, y in (at, (at[0] + 0.5, at[1]))]
    assert [len(list(client.feeds.incidents(bbox_m=one))) for one in spots] == [1, 0]
    assert list(client.feeds.incidents(known_on="2026-11-20")) == []


def test_lists_are_followed_to_their_end(client: ServiceClient) -> None:
    wards = client.places.features("wards")
    assert len(wards) > 600
    assert wards.crs.to_epsg() == 27700
    inside = client.places.features("wards", bbox_m=(533000, 184000, 534000, 186000))
    assert 0 < len(inside) < len(wards)
    one = client.places.feature("wards", str(inside["id"].iloc[0]))
    assert one["properties"]["name"] == inside["name"].iloc[0]
    assert "patrol-areas" in client.places.collections()
    code = "E09000012"
    assert code in set(client.places.features("boroughs")["id"])
    assert client.places.borough(code, WEEK)["borough"]["code"] == code
    assert client.assessments.get()["assessment_id"]
    assert len(client.assessments.table("boroughs")) >= 32
    assert list(client.jobs.list()) == []


def test_accounts_keys_and_the_record(app: FastAPI, url: str, client: ServiceClient) -> None:
    made = client.people.add("eve.audit", "Eve", ["auditor"])
    eve = ServiceClient(url).first_signed_in("eve.audit", made["one_time_password"], PASSWORD)
    assert "eve.audit" in {one["name"] for one in client.people.list()}
    key = client.people.add_key("paul", "nightly export", ["plan.read"], days=7)
    nightly = ServiceClient(url, token=key["secret"])
    assert nightly.plans.in_force(WEEK).week == WEEK
    with pytest.raises(NotAllowedError):
        nightly.plans.draft(WEEK)
    client.people.revoke_key(key["key_id"], "replaced")
    assert client.people.key(key["key_id"])["ended"]
    with pytest.raises(NotSignedInError):
        nightly.plans.in_force(WEEK)
    anchor = eve.audit.anchor()
    checked = eve.audit.check([anchor])
    assert (checked["sound"], checked["findings"]) == (True, [])
    denied = next(one for one in eve.audit.entries(outcome="denied", actor="paul"))
    assert eve.audit.entry(denied["position"])["action"] == denied["action"]
    assert eve.audit.head()["position"] >= anchor["position"]
    assert eve.people.rules()["name"] == "eve.audit"
    changed = client.people.change_rights(client.people.get("eve.audit"), ["analyst"], "moved")
    assert changed["roles"] == ["analyst"]
    with pytest.raises(NotSignedInError):  # rights changed: the session is over
        eve.audit.head()
    closed = client.people.close(changed, "left the force")
    assert client.people.reopen(closed, "came back")["one_time_password"]


def test_fleets_events_and_actions(client: ServiceClient, url: str, tmp_path: Path) -> None:
    paul = ServiceClient(url).signed_in("paul", PASSWORD)
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(FLEET, "utf-8")
    first = paul.fleets.keep("own", fleet, reason="new")
    fleet.write_text(FLEET.replace("540", "600"), "utf-8")
    with pytest.raises(ChangedMeanwhileError):
        paul.fleets.keep("own", fleet)
    second = paul.fleets.keep("own", fleet, version=first["version"], reason="a slower standard")
    assert second["service_standard_s"] == 600
    assert paul.fleets.get("own", first["version"])["service_standard_s"] == 540
    assert len(list(paul.fleets.versions("own"))) == 2
    assert "own" in {one["fleet_id"] for one in paul.fleets.list()}
    match = {"name": "Match", "date": dt.date(2026, 11, 25), "boroughs": ["E09000012"]}
    with pytest.raises(RefusedError, match="extra_share"):
        paul.calendar.add(match)
    event = paul.calendar.add({**match, "extra_share": 0.5})
    assert [one["name"] for one in paul.calendar.list(week=WEEK)] == ["Match"]
    assert paul.calendar.cancel(event, "called off")["cancelled_reason"] == "called off"
    action = paul.actions.add("Ask Hackney", "Paul", dt.date(2026, 11, 27))
    moved = paul.actions.move(action, due_on="2026-11-30")
    with pytest.raises(ChangedMeanwhileError):
        paul.actions.finish(action, "asked")
    done = paul.actions.finish(moved, "asked")
    assert paul.actions.get(action["action_id"]) == done
    wards = list(client.places.wards(borough="E09000012"))
    assert client.places.ward(wards[0]["code"])["code"] == wards[0]["code"]
    assert {one["code"] for one in client.places.boroughs()} >= {"E09000012"}
    listed = [one["assessment_id"] for one in client.assessments.list()]
    assert client.assessments.summary(listed[0])["assessment_id"] == listed[0]


def test_the_examples_of_the_document_run(
    url: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (repository / "docs" / "client.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    code = "".join(blocks).replace("ann.miller", "paul")
    exec(code, {"URL": url, "TOKEN": TOKEN, "PASSWORD": PASSWORD})  # our own document
    assert re.search(r"% of demand reached in time", capsys.readouterr().out)


@pytest.mark.parametrize(
    "unsafe",
    [
        "http://arv.example.police.uk", "http://10.0.0.8:8000", "http://127.0.0.1.example.org",
        "http://user:secret@127.0.0.1:8000", "ftp://127.0.0.1", "127.0.0.1:8000", "", "https://",
        "http://127.0.0.1:99999", "https://arv.example.police.uk/?token=1",
    ],
)  # fmt: skip
def test_secrets_go_over_tls_or_stay_on_this_machine(unsafe: str) -> None:
    with pytest.raises(UnsafeAddressError, match="Remedy"):
        ServiceClient(unsafe, token=TOKEN)


@pytest.mark.parametrize(
    "safe", ["http://localhost:8000/", "http://[::1]:8000", "https://arv.example.police.uk/arv"]
)
def test_addresses_that_are_taken(safe: str) -> None:
    address = ServiceClient(safe, token=TOKEN).exchange.address
    assert safe.startswith(address.origin)


def test_busy_answers_are_waited_for_under_one_key() -> None:
    kept: list[float] = []
    record = {
        "key": "k", "week": WEEK, "plan_id": "p", "state": "draft", "version": 1,
        "proposer": "", "approver": "", "fleet_origin": "store", "fleet_id": "example",
        "fleet_version": 1,
    }  # fmt: skip
    date = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    script = Script(
        [
            (429, {"Retry-After": "7"}, PROBLEM), None, (503, {"Retry-After": date}, PROBLEM),
            (201, {}, json.dumps(record).encode()),
        ]
    )  # fmt: skip
    with scripted(script) as url:
        made = ServiceClient(url, token=TOKEN, sleep=waits(kept)).plans.draft(WEEK)
    assert made.state == "draft"
    assert (kept[0], kept[2]) == (7.0, 0.0)
    assert len({one.headers["idempotency-key"] for one in script.seen}) == 1
    assert {one.body for one in script.seen} == {json.dumps({"week": WEEK}).encode()}


@pytest.mark.parametrize(
    ("answers", "error", "sent"),
    [
        ([(503, {}, PROBLEM)], UnavailableError, 1),  # it does not say when
        ([(503, {"Retry-After": "3600"}, PROBLEM)], UnavailableError, 1),  # too long to wait
        ([(429, {}, PROBLEM)] * 3, TooManyRequestsError, 3),
        ([None] * 3, UnreachableError, 3),
        ([(500, {}, b"<html>")], DefectError, 1),
        ([(302, {"Location": "https://elsewhere.example/"}, b"")], UnexpectedAnswerError, 1),
        ([(200, {}, b"<html>hello")], UnexpectedAnswerError, 1),
    ],
)
def test_what_is_no_use_is_not_sent_again(
    answers: list[tuple[int, dict[str, str], bytes] | None], error: type[Exception], sent: int
) -> None:
    script = Script(list(answers))
    with scripted(script) as url:
        client = ServiceClient(url, token=TOKEN, patience=Patience(attempts=3), sleep=waits([]))
        with pytest.raises(error):
            client.health()
    assert len(script.seen) == sent


def test_nobody_there_says_what_to_do() -> None:
    with scripted(Script([])) as url:
        pass
    with pytest.raises(UnreachableError, match="arv serve"):
        ServiceClient(url).health()


def test_files_are_sent_as_they_are_and_names_cannot_break_out(tmp_path: Path) -> None:
    odd = tmp_path / 'a"b\r\nX-Evil: 1.csv'
    odd.write_bytes(b"\x00\xff" * 300_000)
    body = form_body({"flag": True, "none": None, "n": 3}, [("file", odd)])
    whole = b"".join(body.pieces())
    assert len(whole) == body.length
    assert whole == b"".join(body.pieces())
    assert whole.count(b"\r\nX-Evil") == 0
    assert b'name="flag"\r\n\r\ntrue\r\n' in whole
    assert b'name="none"' not in whole
    assert odd.read_bytes() in whole


def test_progress_is_a_bar_at_a_terminal_and_lines_elsewhere() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    half = Job("job-1", "placement", "running", 50, "Proving", 0.5, 0.6, {"links": []})
    over = Job("job-1", "placement", "successful", 100, "", None, None, {"links": []})
    terminal, quiet, lines = Terminal(), io.StringIO(), list[str]()
    for stream in (terminal, quiet):
        with progress_bar(stream) as show:
            show(half)
            show(over)
    assert "Proving: 50.00%, at most 60.00%" in terminal.getvalue()
    assert quiet.getvalue() == ""
    steps = StepLines(lines.append)
    for job in (half, half, over, over):
        steps(job)
    assert lines == ["Proving", "successful"]


def test_a_plan_says_that_it_is_in_force_again(client: ServiceClient) -> None:
    earlier = client.plans.in_force(WEEK)
    assert earlier.in_force_for == ""
    body = json.dumps(earlier.document).encode()
    headers = {"Content-Type": "application/json", "X-Plan-In-Force-For": "2026-W49"}
    with scripted(Script([(200, headers, body)])) as url:
        again = ServiceClient(url, token=TOKEN).plans.in_force("2026-W49")
    assert (again.week, again.in_force_for) == (WEEK, "2026-W49")


def test_the_client_needs_nothing_else_of_the_package(repository: Path) -> None:
    allowed = {"rich", "pandas", "geopandas", "shapely", "__future__"}
    for path in (repository / "api" / "client").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                stdlib = top in sys.stdlib_module_names
                assert stdlib or top in allowed or name.startswith("api.client"), (path, name)
