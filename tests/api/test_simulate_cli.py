"""`arv simulate` on the bundled sample: the table, the JSON, a held-out log, the refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from api.cli import run
from api.files.assessment_folder import read as read_assessment
from api.files.call_log import read_call_log
from hotspots.boundaries.study_area import load_bundled

Said = pytest.CaptureFixture[str]


def simulate(week: Path, *more: str) -> int:
    return run(["simulate", "--plan", str(week / "plan.json"), "--assessment", str(week), *more])


@pytest.fixture(scope="module")
def result(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("simulated") / "simulation.json"
    code = simulate(demo_folder, "--weeks", "60", "--seed", "7", "--json", str(target))
    assert code == 0
    body: dict[str, Any] = json.loads(target.read_text("utf-8"))
    return body


def test_the_result_names_what_was_simulated_and_assumed(
    demo_folder: Path, result: dict[str, Any]
) -> None:
    plan = json.loads((demo_folder / "plan.json").read_text("utf-8"))
    assert result["plan_id"] == plan["plan_id"]
    assert (result["weeks"], result["seed"]) == (60, 7)
    assert result["notice"] == "SYNTHETIC"
    assert {unit["unit_id"] for unit in result["units"]} == {u["unit_id"] for u in plan["units"]}
    assert len(result["boroughs"]) == 32
    share = result["share_within"]
    assert 0 < share["lower_95"] < share["value"] < share["upper_95"] < 1
    assumed = result["assumptions"]
    assert assumed["rule"] == "closest"
    assert {"calls_per_week", "service_time_s", "two_unit_share", "travel_noise"} < set(assumed)
    assert "forecast" not in json.dumps(result)


def test_one_seed_repeats_and_the_screen_says_what_the_file_says(
    demo_folder: Path, result: dict[str, Any], capsys: Said
) -> None:
    assert simulate(demo_folder, "--weeks", "60", "--seed", "7", "--json", "-") == 0
    assert json.loads(capsys.readouterr().out) == result
    assert simulate(demo_folder, "--weeks", "60", "--seed", "7") == 0
    said = capsys.readouterr().out
    assert said.startswith("In 60 simulated weeks of about ")
    assert f"at {result['share_within']['value']:.1%} of calls" in said
    assert "300 calls a week" in said
    assert "60 min at a call on average" in said
    assert "not a forecast of any week" in said
    for unit in result["units"]:
        assert f"{unit['unit_id']:12} {unit['utilisation']['value']:9.1%}" in said
    assert simulate(demo_folder, "--weeks", "60", "--seed", "8", "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["share_within"] != result["share_within"]


def test_other_placements_beside_on_the_same_calls(
    demo_folder: Path, repository: Path, capsys: Said
) -> None:
    fleet, plan = repository / "examples" / "fleet.toml", demo_folder / "plan.json"
    given = ["--weeks", "60", "--seed", "7", "--beside", "--fleet", str(fleet)]
    more = ["--previous", str(plan), "--unconstrained", str(plan)]
    assert simulate(demo_folder, *given, *more, "--json", "-") == 0
    body = json.loads(capsys.readouterr().out)
    names = [rival["name"] for rival in body["rivals"]]
    assert names == ["proportional", "nearest_centre", "greedy", "previous", "unconstrained"]
    assert body["rivals"][3]["advantage"] == {"value": 0.0, "lower_95": 0.0, "upper_95": 0.0}
    assert simulate(demo_folder, *given) == 0
    said = capsys.readouterr().out
    for rival in body["rivals"][:3]:
        assert re.search(rf"{rival['label']} +{rival['share_within']['value']:.1%}", said)


def test_a_log_is_replayed_in_local_weeks_and_wards(
    demo_folder: Path, tmp_path: Path, capsys: Said
) -> None:
    assessment = read_assessment(demo_folder).assessment
    places = assessment.places
    rows = [
        ("2026-11-23T00:30:00", places[0]),  # Monday, first week
        ("2026-11-29T23:59:00", places[5]),  # its last minute
        ("2026-12-07T10:00:00+00:00", places[9]),  # two weeks on
        ("2026-11-20T10:00:00", places[9]),  # before as-of
    ]
    frame = pd.DataFrame(
        [(moment, place.x_m, place.y_m) for moment, place in rows] + [(rows[0][0], 100.0, 100.0)],
        columns=["occurred_at", "x", "y"],
    )
    path = tmp_path / "calls.csv"
    frame.to_csv(path, index=False)
    log = read_call_log(path, assessment, load_bundled())
    assert log.calls.week.tolist() == [1, 1, 3, 0]
    assert log.calls.time_s.tolist() == [1_800.0, 604_740.0, 36_000.0, 4 * 86_400 + 36_000.0]
    assert log.calls.ward.tolist() == [0, 5, 9, 9]
    assert (log.calls.n_weeks, log.outside, log.before_as_of) == (4, 1, 1)
    assert simulate(demo_folder, "--weeks", "8", "--log", str(path), "--json", "-") == 0
    told = capsys.readouterr()
    body = json.loads(told.out)
    assert body["calls"] == 8
    assert body["assumptions"]["calls_per_week"] == 1.0
    assert "Not held out: 1 call from before" in told.err
    assert "Left out: 1 call outside" in told.err


def test_the_fleet_names_calls_and_service_time_unless_an_option_does(
    demo_folder: Path, repository: Path, tmp_path: Path, capsys: Said
) -> None:
    text = (repository / "examples" / "fleet.toml").read_text("utf-8")
    fleet = tmp_path / "fleet.toml"
    fleet.write_text("calls_per_week = 120.0\nservice_time_s = 1800.0\n" + text, "utf-8")
    given = ["--fleet", str(fleet), "--weeks", "4", "--json", "-"]
    for more, calls in (([], 120.0), (["--calls-per-week", "90"], 90.0)):
        assert simulate(demo_folder, *given, *more) == 0
        assumed = json.loads(capsys.readouterr().out)["assumptions"]
        assert (assumed["calls_per_week"], assumed["service_time_s"]) == (calls, 1_800.0)
    assert simulate(demo_folder, *given, "--beside") == 0
    body = json.loads(capsys.readouterr().out)
    assert body["proposed"]["assumptions"]["calls_per_week"] == 120.0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--weeks", "0"], "weeks is 0"),
        (["--weeks", "-1"], "weeks is -1"),
        (["--seed", "-1"], "seed is -1"),
        (["--calls-per-week", "0"], "without calls there is nothing to simulate"),
        (["--calls-per-week", "20000"], "the queue grows by"),
        (["--calls-per-week", "20000", "--beside"], "the queue grows by"),
        (["--service-time-s", "0"], "service_time_s is 0"),
        (["--service-time-s", "-5"], "service_time_s is -5"),
        (["--rule", "best"], "use one of closest"),
        (["--log", "absent.csv"], "absent.csv"),
        (["--fleet", "absent.toml"], "absent.toml"),
    ],
)
def test_refusals_are_one_line_and_write_nothing(
    demo_folder: Path, tmp_path: Path, capsys: Said, more: list[str], words: str
) -> None:
    target = tmp_path / "simulation.json"
    assert simulate(demo_folder, *more, "--json", str(target)) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert words in told.err
    assert "Remedy: " in told.err
    assert not target.exists()


def test_a_plan_of_another_assessment_or_fleet_is_refused(
    demo_folder: Path, plain_fleet: Path, tmp_path: Path, capsys: Said
) -> None:
    body = json.loads((demo_folder / "plan.json").read_text("utf-8"))
    other = tmp_path / "plan.json"
    other.write_text(json.dumps(body | {"assessment_id": "ra-other"}), "utf-8")
    given = ["simulate", "--plan", str(other), "--assessment", str(demo_folder)]
    assert run(given) == 1
    assert "was made from assessment ra-other" in capsys.readouterr().err
    assert simulate(demo_folder, "--fleet", str(plain_fleet)) == 1
    assert "do not have the same units" in capsys.readouterr().err
