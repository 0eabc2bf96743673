"""The contract of `tpu_roster.json`: a golden file, and what the table and the lines show of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest

from allocator.shift_emphasis import WeekEmphasis
from allocator.tpu.request import Absence, BoroughRequest, Establishment, Override, Team, TpuRequest
from allocator.tpu.roster import TpuRoster, content_id, document, from_document
from allocator.tpu.tasking import roster_week
from api.files.output import json_text
from api.files.tpu_tables import roster_lines, roster_table
from tests.oracle.plan_worlds import make_world
from tests.unit.test_data_dictionary import parts_of

GOLDEN = Path(__file__).with_name("tpu_roster.golden.json")
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def roster() -> TpuRoster:
    """Return a roster with everything in it: proposals, a refusal, an override, a past."""
    assessment = make_world(6, n_boroughs=9)
    codes = [borough.code for borough in assessment.boroughs]
    teams = (Team("TPU-A", 1, 10), Team("TPU-B", 1, 10, time(16)))
    published = roster_week(assessment, TpuRequest(assessment.as_of, 4, teams), seed=1)
    first = assessment.as_of + DAY
    altered = next(task for task in published.tasks if task.day == first)
    request = TpuRequest(
        first,
        5,
        teams,
        establishment=Establishment(1, 3, 22),
        requests=(
            BoroughRequest("R1", first + 2 * DAY, (codes[4],), "a feud", "borough", "tactic_3"),
            BoroughRequest("R2", first + 2 * DAY, (codes[5],), "a feud", "borough", "tactic_1"),
            BoroughRequest("R3", first + 2 * DAY, (codes[6], codes[7]), "robberies", "verano"),
        ),
        absences=(Absence(first + 3 * DAY, "training", "TPU-B", constables=2),),
        overrides=(Override(first, altered.team_id, "rest", "a shooting", "Superintendent"),),
        label="made up",
    )
    return roster_week(assessment, request, seed=5, epsilon=0.02, published=published)


def test_the_document_is_the_golden_one(roster: TpuRoster) -> None:
    assert json_text(document(roster)) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("whole", [TpuRoster, WeekEmphasis])
def test_the_page_names_every_field_and_no_other(repository: Path, whole: type) -> None:
    text = (repository / "docs" / "tpu.md").read_text(encoding="utf-8")
    sections = re.split(r"^### (.+)$", text, flags=re.MULTILINE)[1:]
    documented = {
        head: re.findall(r"^\| `([^`]+)` \| \S", body, flags=re.MULTILINE)
        for head, body in zip(sections[::2], sections[1::2], strict=True)
    }
    rules = re.findall(r"^\| (`[^|]+) \|", text.split("## The model")[0], flags=re.MULTILINE)
    documented["RosterRules"] = re.findall(r"`([a-z_]+)`", " ".join(rules))
    documented["RunnerUp"] = ["boroughs", "objective_loss"]
    for name, names in parts_of(whole).items():
        assert sorted(documented[name]) == sorted(names), f"correct the section {name}"


def test_a_document_is_read_back_and_its_identity_is_its_content(roster: TpuRoster) -> None:
    again = from_document(json.loads(GOLDEN.read_text(encoding="utf-8")))
    assert again == roster
    assert content_id(again) == again.roster_id
    assert content_id(replace(again, label="other")) != again.roster_id


def test_nothing_in_the_document_authorises(roster: TpuRoster) -> None:
    assert {task.authority for task in roster.tasks} == {"not_required", "proposed"}
    for task in roster.tasks:
        proposed = task.tactic != "mobile_patrol"
        assert (task.authority == "proposed") == proposed
        assert (task.fallback == "mobile_patrol") == proposed
    assert "foot" not in {word for task in roster.tasks for word in task.tactic.split("_")}


def test_one_inspector_for_two_teams_is_said(roster: TpuRoster) -> None:
    alone = sum(not task.inspectors for task in roster.tasks)
    assert alone > 0
    assert f"1 inspector for 2 teams: {alone} of {len(roster.tasks)} shifts" in roster.notes[0]
    not_staffed = [one for one in roster.requests if one.proposal == "not_staffed"]
    assert not_staffed
    lines = "\n".join(roster_lines(roster))
    assert "no inspector" in lines
    for one in roster.requests:
        assert one.reason in lines


def test_the_table_has_every_team_and_day_with_the_marking(roster: TpuRoster) -> None:
    table = roster_table(roster)
    assert len(table) == 10
    assert set(table["classification"]) == {roster.classification}
    assert set(table["notice"]) == {roster.notice}
    duty = table[table["duty"] == "duty"]
    assert duty["value"].sum() == pytest.approx(roster.objective, abs=1e-8)
    assert list(duty["inspectors"]) == [len(task.inspectors) for task in roster.tasks]
