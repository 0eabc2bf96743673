"""`arv tpu` as the Verano meeting's staff call it, on a made-up London of 32 boroughs."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from api.cli import run
from api.files import assessment_folder
from api.files.output import write_all
from api.files.tpu_file import read_roster
from hotspots.assessment import content_id
from tests.oracle.plan_worlds import make_world

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("week")
    made = make_world(11, n_boroughs=32)
    assessment = replace(made, assessment_id=content_id(made))
    cells = pd.DataFrame({"x_m": [520_000.0], "y_m": [180_000.0], "expected_per_week": [0.5]})
    write_all(folder, assessment_folder.writers(assessment, cells, []))
    return folder


@pytest.fixture
def requests(repository: Path) -> Path:
    return repository / "examples" / "tpu.toml"


def tpu(week: Path, requests: Path, out: Path, *more: str) -> int:
    given = ["--assessment", str(week), "--requests", str(requests), "--out", str(out)]
    return run(["tpu", *given, *more])


def test_a_week_is_rostered_told_and_the_same_again(
    week: Path, requests: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tpu(week, requests, tmp_path / "one", "--seed", "7") == 0
    shown = capsys.readouterr().out
    assert tpu(week, requests, tmp_path / "two", "--seed", "7", "--json", "-") == 0
    body = json.loads(capsys.readouterr().out)
    for name in ("tpu_roster.json", "tpu_roster.csv", "tpu_roster.pdf"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert json.loads((tmp_path / "one" / "tpu_roster.json").read_text("utf-8")) == body
    assert body["status"] == "optimal"
    assert body["gap"] == 0
    assert shown.startswith("OFFICIAL SYNTHETIC")
    for task in body["tasks"]:
        assert task["borough_name"] in shown
    asked = {one["request_id"]: one for one in body["requests"]}
    assert asked["R1"]["proposal"] == "staffed"
    (operation,) = [task for task in body["tasks"] if task["tactic"] != "mobile_patrol"]
    assert operation["borough"] == "E09000012"
    assert (operation["authority"], operation["fallback"]) == ("proposed", "mobile_patrol")
    assert operation["inspectors"] == [1]
    with (tmp_path / "one" / "tpu_roster.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 14
    assert {row["classification"] for row in rows} == {"OFFICIAL"}
    assert {row["notice"] for row in rows} == {"SYNTHETIC"}
    told = {(t["day"], t["team_id"], t["borough"]) for t in body["tasks"]}
    assert {(r["date"], r["team_id"], r["borough"]) for r in rows if r["duty"] == "duty"} == told


def test_without_a_seed_the_draw_is_new_each_time_and_can_be_repeated(
    week: Path, requests: Path, tmp_path: Path
) -> None:
    seeds = set()
    for name in ("one", "two"):
        assert tpu(week, requests, tmp_path / name) == 0
        body = json.loads((tmp_path / name / "tpu_roster.json").read_text("utf-8"))
        seeds.add(body["unpredictability"]["seed"])
    assert len(seeds) == 2
    assert tpu(week, requests, tmp_path / "three", "--seed", str(seeds.pop())) == 0
    texts = [(tmp_path / n / "tpu_roster.json").read_text("utf-8") for n in ("one", "two", "three")]
    assert texts[2] in texts[:2]


def test_the_lead_is_frozen_and_an_override_is_recorded(
    week: Path, requests: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tpu(week, requests, tmp_path / "one", "--seed", "7") == 0
    before = read_roster(tmp_path / "one" / "tpu_roster.json")
    second = before.first_day + DAY
    task = next(task for task in before.tasks if task.day == second)
    more = ["--from", second.isoformat(), "--published", str(tmp_path / "one" / "tpu_roster.json")]
    assert tpu(week, requests, tmp_path / "two", "--seed", "8", *more) == 0
    after = read_roster(tmp_path / "two" / "tpu_roster.json")
    lead = {second, second + DAY}
    where = [
        {(t.day, t.team_id): (t.borough, t.inspectors) for t in roster.tasks if t.day in lead}
        for roster in (before, after)
    ]
    assert where[0] == where[1]
    assert after.published_roster_id == before.roster_id
    visited = {one.borough for one in before.tasks}
    elsewhere = next(one.code for one in before.boroughs if one.code not in visited)
    override = f"{task.team_id}={second}:{elsewhere}"
    told = ["--reason", "a shooting in the night", "--actor", "Superintendent, Public Place"]
    refused = tpu(week, requests, tmp_path / "none", *more, "--override", override)
    assert refused == 1
    assert "gives no reason" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    done = tpu(week, requests, tmp_path / "three", *more, "--override", override, *told)
    assert done == 0
    (record,) = read_roster(tmp_path / "three" / "tpu_roster.json").overrides
    assert (record.day, record.team_id) == (second, task.team_id)
    assert (record.before, record.after) == (task.borough, elsewhere)
    assert (record.reason, record.actor) == (told[1], told[3])
    assert "Override: " in capsys.readouterr().out


def test_rolling_daily_keeps_the_rules_across_rosters(
    week: Path, tmp_path: Path, requests: Path
) -> None:
    file = tmp_path / "teams.toml"
    teams = requests.read_text("utf-8").split("[[requests]]")[0]
    file.write_text(teams.split("# A borough asks")[0], encoding="utf-8")
    worked: dict[str, list[date]] = {"TPU-A": [], "TPU-B": []}
    more: list[str] = []
    for number in range(10):
        day = date(2026, 11, 23) + number * DAY
        out = tmp_path / f"day{number}"
        assert tpu(week, file, out, "--seed", str(number), "--from", day.isoformat(), *more) == 0
        more = ["--published", str(out / "tpu_roster.json")]
        for task in read_roster(out / "tpu_roster.json").tasks:
            if task.day == day:
                worked[task.team_id].append(day)
    for days in worked.values():
        assert len(days) >= 5
        for first in days:
            assert sum(first <= other < first + 7 * DAY for other in days) <= 5
