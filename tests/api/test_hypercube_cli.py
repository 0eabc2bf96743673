"""`arv hypercube` on a small made-up week: the table, the JSON and the refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from allocator.plan import Fleet, Unit
from allocator.plan import document as plan_document
from allocator.queueing.fleet_queue import CallLoad
from allocator.queueing.plan_queue import queue_of_plan
from allocator.weekly_plan import plan_week
from api.cli import run
from api.files.assessment_folder import writers
from api.files.output import json_text, text_writer, write_all
from hotspots.assessment import content_id
from tests.oracle.plan_worlds import FREE, make_world

FLEET = Fleet(tuple(Unit(f"U-{n}", "CO19") for n in range(3)), 540, 60)
LOAD = ["--calls-per-week", "60"]


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("week")
    world = make_world(4)
    world = replace(world, assessment_id=content_id(world))
    cells = pd.DataFrame({"x_m": [0.0], "y_m": [0.0], "expected_per_week": [1.0]})
    plan = plan_week(world, FLEET, settings=FREE)
    plan_text = json_text(plan_document(plan))
    write_all(folder, {**writers(world, cells, []), "plan.json": text_writer(plan_text)})
    return folder


def _command(week: Path, *more: str) -> list[str]:
    plan = str(week / "plan.json")
    return ["hypercube", "--plan", plan, "--assessment", str(week), *LOAD, *more]


def test_the_table_and_the_json_say_the_same(
    week: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "queue.json"
    assert run(_command(week, "--json", str(target))) == 0
    said = capsys.readouterr().out
    body = json.loads(target.read_text(encoding="utf-8"))
    assert said.startswith("OFFICIAL SYNTHETIC\nPlan ")
    assert (body["classification"], body["notice"]) == ("OFFICIAL", "SYNTHETIC")
    assert "Assumed: 60 calls a week, 60 minutes at the scene, 20% with a second vehicle" in said
    assert f"reached within the standard {body['within_standard']:7.1%}" in said
    assert f"answered by another area    {body['interarea_share']:7.1%}" in said
    assert body["load"] == {"calls_per_week": 60, "service_time_s": 3600, "two_unit_share": 0.2}
    for unit in body["units"]:
        assert f"{unit['unit_id']:12} {unit['busy_fraction']:6.1%}" in said
    worst = min(body["boroughs"], key=lambda one: one["within_standard"])
    assert f"{worst['name']:24} {worst['within_standard']:11.1%}" in said.split("own unit\n")[1]
    world = make_world(4)
    world = replace(world, assessment_id=content_id(world))
    plan = plan_week(world, FLEET, settings=FREE)
    direct = queue_of_plan(plan, world, load=CallLoad(calls_per_week=60.0))
    assert body["within_standard"] == pytest.approx(direct.within_standard, abs=1e-6)
    assert body["method"] == direct.method == "exact"


def test_days_on_duty_come_from_the_fleet_file(
    week: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet = tmp_path / "fleet.toml"
    units = "".join(
        f'[[units]]\nunit_id = "U-{n}"\nprovenance = "CO19"\non_duty = {days}\n'
        for n, days in enumerate(("true", "true", '["monday", "tuesday"]'))
    )
    fleet.write_text(f"service_standard_s = 540\nturnout_s = 60\n{units}", encoding="utf-8")
    found = []
    for more in ((), ("--fleet", str(fleet)), ("--approximate",)):
        assert run(_command(week, "--json", "-", *more)) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[1]["within_standard"] < found[0]["within_standard"]
    assert found[2]["method"] == "approximation"


def test_other_drive_times_than_the_plan_s_are_said_so(
    week: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(_command(week)) == 0
    assert "NOT those the plan was made with" not in capsys.readouterr().out
    codes = [place.code for place in make_world(4).places]
    rows = [(a, b, 60.0 if a == b else 300.0) for a in codes for b in codes]
    table = pd.DataFrame(rows, columns=["from_ward", "to_ward", "seconds"])
    table.to_parquet(tmp_path / "drives.parquet")
    assert run(_command(week, "--travel", str(tmp_path / "drives.parquet"))) == 0
    assert "drives.parquet (NOT those the plan was made with)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--calls-per-week", "1000"), "calls an hour. Remedy: add units"),
        (("--service-time-s", "-5"), "service_time_s is -5, outside"),
        (("--two-unit-share", "nan"), "two_unit_share is nan, outside"),
    ],
)
def test_refusals_are_one_line_and_write_nothing(
    week: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    said: str,
) -> None:
    target = tmp_path / "queue.json"
    assert run(_command(week, *more, "--json", str(target))) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not target.exists()
