"""The verdict beside the plan: the file, the map, the paper and the page say the same."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdf
import pytest

from allocator.plan import Fleet, Unit
from allocator.verdict import judge, unjudged, verdict_document
from api import week as weekly
from api.files.assessment_folder import read as read_assessment
from api.files.fleet_file import read_fleet
from api.files.output import json_text
from api.plans.file import read_plan
from api.plans.verdict_file import verdict_body
from api.plans.verdict_view import verdict_view
from hotspots.boundaries.study_area import load_bundled
from tests.api.service_world import TOKEN, client_of, fill, made_up_week, service, sign_in


@pytest.fixture(scope="module")
def verdict(demo_folder: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((demo_folder / "verdict.json").read_text("utf-8"))
    return body


def test_on_the_sample_the_plan_beats_placement_by_demand_and_by_distance(
    verdict: dict[str, Any],
) -> None:
    rivals = {rival["name"]: rival for rival in verdict["rivals"]}
    assert list(rivals) == ["proportional", "nearest_centre", "greedy", "unconstrained"]
    for name in ("proportional", "nearest_centre"):
        assert rivals[name]["advantage"]["lower_95"] > 0
        assert rivals[name]["finding"] == "better"
    assert rivals["greedy"]["unpatrolled"]  # it reaches more by leaving boroughs alone
    for name in ("proportional", "greedy"):
        worst = rivals[name]["worst_borough"]["share_within"]["value"]
        assert worst < verdict["proposed"]["worst_borough"]["share_within"]["value"]


def test_the_verdict_is_that_of_the_files_beside_it(
    demo_folder: Path, repository: Path, verdict: dict[str, Any]
) -> None:
    assessment = read_assessment(demo_folder).assessment
    plan = read_plan(demo_folder / "plan.json")
    again = judge(plan, assessment, read_fleet(repository / "examples" / "fleet.toml"))
    assert json_text(verdict_body(again, assessment)) == json_text(verdict)
    assert verdict["plan_id"] == plan.plan_id
    assert verdict["assessment_id"] == assessment.assessment_id
    assert verdict["notice"] == "SYNTHETIC"
    for rival in again.rivals:
        gain = again.proposed.share_within.value - rival.share_within.value  # type: ignore[union-attr]  # judged above
        assert rival.advantage.value == pytest.approx(gain, abs=1e-9)


def test_map_and_paper_show_the_words_of_the_verdict(
    demo_folder: Path, verdict: dict[str, Any]
) -> None:
    words = verdict["in_words"]
    page = (demo_folder / "map.html").read_text("utf-8")
    assert page.count(words["headline"]) == 2  # beside the map, and over the table
    pages = pypdf.PdfReader(io.BytesIO((demo_folder / "briefing.pdf").read_bytes())).pages
    paper = re.sub(r"\s+", " ", " ".join(one.extract_text() for one in pages))
    assert words["headline"] in paper
    for row in words["rows"]:
        assert row["in_time"] in page
        assert f'<th scope="row">{row["placement"]}</th>' in page
        assert row["in_time"] in paper
    assert "not a forecast" in words["basis"]
    assert "not a forecast" in page


def test_last_weeks_plan_stands_beside_and_is_not_better(
    demo_folder: Path, repository: Path
) -> None:
    plan = read_plan(demo_folder / "plan.json")
    fleet = read_fleet(repository / "examples" / "fleet.toml")
    swapped = {plan.units[0].unit_id: plan.units[1], plan.units[1].unit_id: plan.units[0]}
    last = replace(
        plan,
        units=tuple(
            replace(unit, boroughs=swapped.get(unit.unit_id, unit).boroughs) for unit in plan.units
        ),
    )
    request = weekly.PlacementRequest(fleet=fleet, previous=last)
    got = weekly.judged(plan, read_assessment(demo_folder), request)
    previous = next(rival for rival in got.rivals if rival.name == "previous")
    assert previous.label == "Previous plan's areas"
    # The same areas with two units exchanged: other vehicles, the same service.
    assert previous.finding == "no clear difference"
    assert previous.advantage.value != 0.0
    assert abs(previous.advantage.value) < 0.003


def test_a_fleet_too_small_for_the_calls_still_gets_its_plan_and_is_told(
    demo_folder: Path,
) -> None:
    folder = read_assessment(demo_folder)
    plan = read_plan(demo_folder / "plan.json")
    crew = Fleet((Unit("ARV-01", "CO19"), Unit("ARV-02", "CO19")), 540, 60)
    two = replace(plan, units=plan.units[:2])
    request = weekly.PlacementRequest(fleet=crew)
    got = weekly.judged(two, folder, request)
    assert got.proposed is None
    assert "the queue grows by" in got.not_judged
    view = verdict_view(got)
    assert view.headline.startswith("Not simulated: overload")
    assert view.rows == ()
    assert verdict_document(got)["proposed"] is None


# ---- the page of the service


def test_the_page_shows_the_verdict_of_its_plan(tmp_path: Path, verdict: dict[str, Any]) -> None:
    area = load_bundled()
    assessment, plan = made_up_week(area)
    fill(tmp_path, area, assessment, plan)
    file = next(tmp_path.glob("plans/*/*/plan.json")).with_name("verdict.json")
    with client_of(service(tmp_path)) as client:
        sign_in(client, TOKEN)
        assert "In simulated weeks" not in client.get("/").text
        answer = client.get(f"/allocate/verdict.json?week={plan.week}")
        assert answer.status_code == 404
        assert "was not simulated" in answer.json()["detail"]
    file.write_text(json_text(verdict), "utf-8")
    with client_of(service(tmp_path)) as client:
        sign_in(client, TOKEN)
        page = client.get("/").text
        assert verdict["in_words"]["headline"] in page
        answer = client.get(f"/allocate/verdict.json?week={plan.week}")
        assert answer.status_code == 200
        assert answer.headers["x-plan-id"] == plan.plan_id
        assert answer.headers["x-classification"] == assessment.classification
        assert answer.json() == verdict
        fresh = {"If-None-Match": answer.headers["etag"]}
        assert (
            client.get(f"/allocate/verdict.json?week={plan.week}", headers=fresh).status_code == 304
        )
        for row in verdict["in_words"]["rows"]:
            assert f'<th scope="row">{row["placement"]}</th><td>{row["in_time"]}</td>' in page
    for damaged in ("{", "[]", '{"in_words": {"headline": "x"}}'):
        file.write_text(damaged, "utf-8")
        with client_of(service(tmp_path)) as client:
            sign_in(client, TOKEN)
            answer = client.get("/")
            assert answer.status_code == 500
            assert "damaged" in answer.text
    unsaid = unjudged(plan, "overload: <b>too many</b>. Remedy: fewer.")
    file.write_text(json_text(verdict_body(unsaid, assessment)), "utf-8")
    with client_of(service(tmp_path)) as client:
        sign_in(client, TOKEN)
        page = client.get("/").text
        assert "Not simulated: overload: &lt;b&gt;too many&lt;/b&gt;" in page
