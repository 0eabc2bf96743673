"""What `arv tpu` refuses: one line with the value and the remedy, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from allocator.tpu.request import (
    Absence,
    BoroughRequest,
    Establishment,
    Override,
    RosterRules,
    TacticNeed,
    Team,
    TpuInfeasibleError,
    TpuRefusedError,
    TpuRequest,
)
from allocator.tpu.roster import TpuRoster, document, sealed
from allocator.tpu.tasking import roster_week
from api.cli import run
from api.files import assessment_folder
from api.files.output import write_all
from hotspots.assessment import RiskAssessment, content_id
from tests.oracle.plan_worlds import make_world

DAY = timedelta(days=1)
WORLD = make_world(9, n_boroughs=8)
FIRST = WORLD.as_of + 10 * DAY
A, B = WORLD.boroughs[0].code, WORLD.boroughs[1].code
GOOD = TpuRequest(FIRST, 7, (Team("TPU-A", 1, 10), Team("TPU-B", 1, 10)))


def asked(*requests: BoroughRequest) -> TpuRequest:
    return replace(GOOD, requests=requests)


def wish(name: str = "R1", days: int = 2, code: str = A, **more: object) -> BoroughRequest:
    made = BoroughRequest(name, FIRST + days * DAY, (code,), "an issue", "borough")
    return replace(made, **more)  # type: ignore[arg-type]  # by name


def teams(**more: object) -> TpuRequest:
    changed = replace(GOOD.teams[0], **more)  # type: ignore[arg-type]  # by name
    return replace(GOOD, teams=(changed, GOOD.teams[1]))


REQUESTS: dict[str, tuple[TpuRequest, str]] = {
    "borough twice a day": (asked(wish(), wish("R2")), "asked for twice on"),
    "request given twice": (asked(wish(), wish(days=3)), "request R1 is given twice"),
    "request in the past": (asked(wish(days=-11)), "a day in the past"),
    "request before": (asked(wish(days=-1)), "outside the roster's days"),
    "request after": (asked(wish(days=7)), "outside the roster's days"),
    "unknown borough": (asked(wish(code="E09000001")), "not a patrolled borough"),
    "no issue": (asked(wish(issue=" ")), "gives no issue"),
    "no borough": (asked(wish(boroughs=())), "name at least one borough"),
    "tasking fixes a tactic": (
        asked(wish(requested_by="verano", proposed_tactic="tactic_1")),
        "never fixes the tactic",
    ),
    "starts in the past": (replace(GOOD, first_day=WORLD.as_of - DAY), "a day in the past"),
    "no days": (replace(GOOD, n_days=0), "the roster has 0 days"),
    "too many days": (replace(GOOD, n_days=29), "the roster has 29 days"),
    "no teams": (replace(GOOD, teams=()), "there are 0 teams"),
    "team twice": (replace(GOOD, teams=(GOOD.teams[0],) * 2), "team TPU-A is given twice"),
    "team without sergeant": (teams(sergeants=0), "a team is never without one"),
    "negative sergeants": (teams(sergeants=-1), "has -1 sergeants"),
    "negative constables": (teams(constables=-1), "has -1 constables"),
    "too few constables": (teams(constables=3), "fewer than least_constables 4"),
    "negative establishment": (
        replace(GOOD, establishment=Establishment(inspectors=-1)),
        "has -1 inspectors",
    ),
    "more posted than there are": (
        replace(GOOD, establishment=Establishment(constables=19)),
        "the establishment has 19",
    ),
    "rest longer than the gap": (
        replace(GOOD, rules=RosterRules(shift_hours=14, rest_hours=11)),
        "longer than the gap of 10 h",
    ),
    "more teams a day than teams": (
        replace(GOOD, rules=RosterRules(least_teams_a_day=3)),
        "there are 2 teams",
    ),
    "harm not scored": (replace(GOOD, rules=RosterRules(target="harm")), "no score of harm"),
    "operation without leader": (
        replace(GOOD, needs=(TacticNeed("tactic_1", 0, 1, 8),)),
        "firearms team leader",
    ),
    "absent stranger": (
        replace(GOOD, absences=(Absence(FIRST, "leave", "TPU-C", constables=1),)),
        "unknown team",
    ),
    "more absent than posted": (
        replace(GOOD, absences=(Absence(FIRST, "leave", "TPU-A", sergeants=2),)),
        "takes away 2 sergeants of 1",
    ),
    "inspector of a team": (
        replace(GOOD, absences=(Absence(FIRST, "leave", "TPU-A", inspectors=1),)),
        "takes away 1 inspectors of 0",
    ),
    "absence without reason": (
        replace(GOOD, absences=(Absence(FIRST, "", "TPU-A", constables=1),)),
        "gives no reason",
    ),
    "override of nothing published": (
        replace(GOOD, overrides=(Override(FIRST, "TPU-A", A, "why", "who"),)),
        "no published tasking to alter",
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_that_cannot_be_rostered_is_refused(name: str) -> None:
    request, message = REQUESTS[name]
    with pytest.raises(TpuRefusedError, match=message) as refusal:
        roster_week(WORLD, request, seed=1)
    assert refusal.value.remedy


@pytest.fixture(scope="module")
def published() -> TpuRoster:
    return roster_week(WORLD, replace(GOOD, first_day=FIRST - DAY), seed=1)


def override(**more: object) -> Override:
    made = Override(FIRST, "TPU-A", "rest", "a shooting", "Superintendent")
    return replace(made, **more)  # type: ignore[arg-type]  # by name


OVERRIDES: dict[str, tuple[tuple[Override, ...], str]] = {
    "no reason": ((override(reason=""),), "gives no reason"),
    "no actor": ((override(actor=" "),), "gives no actor"),
    "outside the lead": ((override(day=FIRST + 2 * DAY),), "has no published tasking to alter"),
    "unknown team": ((override(team_id="TPU-C"),), "names an unknown team"),
    "unknown borough": ((override(tasking="E09000001"),), "not a patrolled borough"),
    "twice": ((override(), override(tasking=A)), "is given twice"),
}


@pytest.mark.parametrize("name", OVERRIDES)
def test_an_override_is_refused(published: TpuRoster, name: str) -> None:
    overrides, message = OVERRIDES[name]
    with pytest.raises(TpuRefusedError, match=message):
        roster_week(WORLD, replace(GOOD, overrides=overrides), seed=1, published=published)


def _two_places(roster: TpuRoster) -> TpuRoster:
    days = [task.day for task in roster.tasks]
    day = next(day for day in days if days.count(day) == 2)
    return replace(
        roster,
        tasks=tuple(
            replace(task, inspectors=(1,)) if task.day == day else task for task in roster.tasks
        ),
    )


PUBLISHED: dict[str, tuple[Callable[[TpuRoster], TpuRoster], str]] = {
    "too early": (lambda r: replace(r, first_day=FIRST - 9 * DAY), "not the lead"),
    "too late": (lambda r: replace(r, first_day=FIRST + DAY), "not the lead"),
    "other teams": (lambda r: replace(r, team_ids=("TPU-A", "TPU-C")), "is of the teams"),
    "one team": (lambda r: replace(r, team_ids=("TPU-A",)), "is of the teams"),
    "two places": (_two_places, "inspector 1 in two places"),
    "team twice": (lambda r: replace(r, tasks=(*r.tasks, r.tasks[0])), "tasks TPU-. twice"),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_roster_that_does_not_fit_is_refused(published: TpuRoster, name: str) -> None:
    change, message = PUBLISHED[name]
    with pytest.raises(TpuRefusedError, match=message):
        roster_week(WORLD, GOOD, seed=1, published=change(published))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed": -1}, "the seed is -1"),
        ({"seed": 1, "epsilon": 0.6}, "epsilon is 0.6"),
        ({"seed": 1, "epsilon": float("nan")}, "epsilon is nan"),
        ({"seed": 1, "time_limit_s": 0.0}, "time limit is 0"),
    ],
)
def test_a_draw_without_bounds_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(TpuRefusedError, match=message):
        roster_week(WORLD, GOOD, **values)  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    "rules",
    [{"shift_hours": 0.0}, {"rest_hours": -1.0}, {"days_off": 7}, {"repeat_return": float("nan")}],
)
def test_a_rule_outside_its_bounds_is_refused(rules: dict[str, float]) -> None:
    with pytest.raises(TpuRefusedError, match="outside"):
        RosterRules(**rules)  # type: ignore[arg-type]  # by name


def test_rules_that_clash_are_named_with_the_day_and_the_officers(published: TpuRoster) -> None:
    task = next(task for task in published.tasks if task.day == FIRST)
    away = Absence(FIRST, "training", task.team_id, constables=8)
    with pytest.raises(TpuInfeasibleError) as refusal:
        roster_week(WORLD, replace(GOOD, absences=(away,)), seed=1, published=published)
    assert f"{task.team_id} on {FIRST} frozen as published: {task.borough_name}" in str(
        refusal.value
    )
    assert f"{task.team_id} has 2 of its own on {FIRST}" in str(refusal.value)


def test_an_assessment_without_any_incident_is_refused() -> None:
    boroughs = tuple(
        replace(one, expected_per_week=0.0, contributions=()) for one in WORLD.boroughs
    )
    with pytest.raises(TpuRefusedError, match="expects no incidents"):
        roster_week(replace(WORLD, boroughs=boroughs), GOOD, seed=1)


TEAMS_TEXT = """
[[teams]]
team_id = "TPU-A"
sergeants = 1
constables = 10
"""
REQUEST_TEXT = f"""
[[requests]]
date = {FIRST}
borough = "{A}"
issue = "gang tension"
requested_by = "borough"
"""
FILES: dict[str, tuple[str, str]] = {
    "not TOML": ("teams = [", "not valid TOML"),
    "binary": ("\x00\x01", "not valid TOML"),
    "unknown key": ("weapons = 3", "unknown key 'weapons'"),
    "unknown rule": (TEAMS_TEXT + "[rules]\nfoot_patrol = true", "unknown key 'foot_patrol'"),
    "no teams": ("", "there are 0 teams"),
    "negative staffing": (TEAMS_TEXT.replace("10", "-4"), "-4 constables"),
    "fraction of an officer": (TEAMS_TEXT.replace("10", "2.5"), "teams 1: constables is 2.5"),
    "team name": (TEAMS_TEXT.replace("TPU-A", "Team Alpha"), "team_id is 'Team Alpha'"),
    "shift with an offset": (TEAMS_TEXT + 'shift_start = "14:00+02:00"', "a local time"),
    "armed foot patrol": (
        TEAMS_TEXT + REQUEST_TEXT + 'tactic = "armed_foot_patrol"',
        "does not patrol on foot with arms",
    ),
    "unknown tactic": (TEAMS_TEXT + REQUEST_TEXT + 'tactic = "drone"', "not on the unit's menu"),
    "unknown requester": (
        TEAMS_TEXT + REQUEST_TEXT.replace('"borough"\n', '"mayor"\n', 1),
        "requests 1: requested_by is 'mayor'",
    ),
    "no date": (TEAMS_TEXT + REQUEST_TEXT.replace(f"date = {FIRST}", ""), "date is missing"),
    "no such date": (
        TEAMS_TEXT + REQUEST_TEXT.replace(str(FIRST), '"2026-02-30"'),
        "date is '2026-02-30'",
    ),
    "borough and boroughs": (
        TEAMS_TEXT + REQUEST_TEXT + f'boroughs = ["{B}"]',
        "gives both borough and boroughs",
    ),
    "neither": (
        TEAMS_TEXT + REQUEST_TEXT.replace(f'borough = "{A}"', ""),
        "gives neither borough nor boroughs",
    ),
    "escape code": (
        TEAMS_TEXT + REQUEST_TEXT.replace("gang tension", "\\u001b[31m"),
        "cannot be printed",
    ),
    "inspectors of a tactic": (
        TEAMS_TEXT
        + '[[tactics]]\ntactic = "tactic_1"\ninspectors = 0\nsergeants = 1\nconstables = 6',
        "firearms team leader",
    ),
    "override without actor": (
        TEAMS_TEXT
        + f'[[overrides]]\ndate = {FIRST}\nteam_id = "TPU-A"\ntasking = "rest"\nreason = "why"',
        "gives no actor",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("assessment")
    assessment: RiskAssessment = replace(WORLD, assessment_id=content_id(WORLD))
    cells = pd.DataFrame({"x_m": [520_000.0], "y_m": [180_000.0], "expected_per_week": [0.5]})
    write_all(target, assessment_folder.writers(assessment, cells, []))
    return target


def refused(folder: Path, file: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    out = file.parent / "out"
    given = ["--assessment", str(folder), "--requests", str(file), "--from", str(FIRST)]
    assert run(["tpu", *given, "--out", str(out), "--seed", "1", *more]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "Remedy: " in error
    assert not out.exists()
    return error


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_refused_in_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text, message = FILES[name]
    file = tmp_path / "tpu.toml"
    file.write_text(text, encoding="utf-8")
    assert message in refused(folder, file, capsys)


def test_files_and_options_that_cannot_be_read_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], published: TpuRoster
) -> None:
    file = tmp_path / "tpu.toml"
    assert "cannot be read" in refused(folder, file, capsys)
    file.write_text(TEAMS_TEXT, encoding="utf-8")
    assert "not of the form TEAM=DATE" in refused(folder, file, capsys, "--override", "TPU-A=rest")
    assert "not a day of the calendar" in refused(folder, file, capsys, "--from", "soon")
    old = tmp_path / "tpu_roster.json"
    for text, message in (
        ("{", "not a JSON document"),
        ("[]", "not an object"),
        ('{"schema_version": "9"}', "schema_version '9'"),
        ('{"schema_version": "1"}', "lacks "),
        (json.dumps(document(sealed(published)) | {"more": 1}), "unknown keys more"),
        (json.dumps(document(sealed(published)) | {"objective": "1"}), "objective is '1'"),
        (json.dumps(document(sealed(published)) | {"status": "authorised"}), "status is"),
        (json.dumps(document(sealed(published)) | {"label": "altered"}), "was altered"),
    ):
        old.write_text(text, encoding="utf-8")
        assert message in refused(folder, file, capsys, "--published", str(old))
