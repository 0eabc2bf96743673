"""docs/data_dictionary.md names every field of the outputs and of the feed format, no other."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import pandas as pd
import pytest

from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.plan_differences import UnitChange
from allocator.queueing.plan_queue import PlanQueue
from allocator.replan import CurvePoint, ReplanRequest, replan
from allocator.verdict import Verdict
from allocator.weekly_plan import plan_week
from api.files import assessment_folder
from api.marking import Marking
from api.plans.equality import GroupFigures
from api.plans.mending import replan_document
from hotspots.assessment import RiskAssessment
from hotspots.feeds import meeting, sidecar
from hotspots.incidents import COUNT_DTYPES, RECORD_DTYPES
from hotspots.pipeline import assess_week
from hotspots.sources import load_default_policy
from tests.oracle.plan_worlds import FREE, make_world
from tests.unit.small_town import AS_OF, reading, scattered, town


@pytest.fixture(scope="module")
def documented(repository: Path) -> dict[str, list[str]]:
    """Return the names in each table of the page, by its heading."""
    text = (repository / "docs" / "data_dictionary.md").read_text(encoding="utf-8")
    sections = re.split(r"^### (.+)$", text, flags=re.MULTILINE)[1:]
    return {
        head.strip(): re.findall(r"^\| `([^`]+)` \| \S", body, flags=re.MULTILINE)
        for head, body in zip(sections[::2], sections[1::2], strict=True)
    }


def parts_of(whole: type) -> dict[str, list[str]]:
    """Return the fields of a dataclass and of every dataclass inside it."""
    found: dict[str, list[str]] = {}
    waiting: list[object] = [whole]
    while waiting:
        one = waiting.pop()
        waiting += get_args(one)
        if isinstance(one, type) and is_dataclass(one) and one.__name__ not in found:
            found[one.__name__] = [field.name for field in fields(one)]
            waiting += get_type_hints(one).values()
    return found


@pytest.mark.parametrize(
    "whole",
    [
        RiskAssessment,
        PatrolPlan,
        PlanQueue,
        Verdict,
        Marking,
        GroupFigures,
        UnitChange,
        CurvePoint,
    ],
)
def test_documents(documented: dict[str, list[str]], whole: type) -> None:
    for name, names in parts_of(whole).items():
        assert documented.get(name) == names, f"correct the section {name} of the page"


def test_files_of_an_assessment(documented: dict[str, list[str]], tmp_path: Path) -> None:
    feed = reading(scattered([9] * 18))
    week = assess_week([feed], town(), as_of=AS_OF, policy=load_default_policy())
    for name, write in assessment_folder.writers(week.assessment, week.cells, []).items():
        write(tmp_path / name)
        if name.endswith(".csv"):
            columns = list(pd.read_csv(tmp_path / name).columns)
            assert documented.get(name) == columns, f"correct the section {name} of the page"
    assert documented["cells.parquet"] == list(pd.read_parquet(tmp_path / "cells.parquet"))
    assert "draws.parquet" in documented


def test_feeds_and_frames(documented: dict[str, list[str]]) -> None:
    assert sorted(documented["feed file"]) == sorted(meeting.COLUMNS)
    assert documented["coverage sidecar"] == list(sidecar.COLUMNS)
    assert documented["records"] == list(RECORD_DTYPES)
    assert documented["counts"] == list(COUNT_DTYPES)


def test_settings_and_re_plans(documented: dict[str, list[str]]) -> None:
    world = make_world(3, n_boroughs=7)
    fleet = Fleet(tuple(Unit(name, "X") for name in "ABCD"), 540, 60)
    plan = plan_week(world, fleet, settings=FREE)
    assert documented["settings of a plan"] == list(plan.settings)
    mended = replan(world, fleet, ReplanRequest(plan, lost=("A",)), settings=FREE)
    assert documented["replan.json"] == list(replan_document(mended, ()))
