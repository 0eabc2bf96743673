"""The equality statement: figures against sums by hand, missing areas named, nothing invented."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocator.plan import BoroughCoverage, PatrolPlan, UnitPlacement
from api.plans.equality import equality_statement
from api.plans.equality_table import AreaTable, read_area_table
from api.refusals import EqualityRefusedError
from hotspots.assessment import RiskAssessment
from hotspots.boundaries.study_area import load_bundled
from tests.browser.map_world import make_assessment

HEAD = "area_code,population,characteristic,group,share\n"


@pytest.fixture(scope="module")
def assessment() -> RiskAssessment:
    return make_assessment(load_bundled())


@pytest.fixture(scope="module")
def plan(assessment: RiskAssessment) -> PatrolPlan:
    """Return two vehicles: one for the first borough alone, one for all the others."""
    codes = [score.code for score in assessment.boroughs]
    areas = ((codes[0],), tuple(codes[1:]))
    units = tuple(
        UnitPlacement(f"ARV-0{n}", "CO19", area, (), (), 0.1, "", None)
        for n, area in enumerate(areas, 1)
    )
    lines = tuple(
        BoroughCoverage(code, code, "ARV-01", 0.9 if code == codes[0] else 0.5) for code in codes
    )
    return PatrolPlan("p", "2026-W48", "optimal", 0.5, 0.5, 0.0, units, lines, {},
                      assessment.assessment_id)  # fmt: skip


def table(assessment: RiskAssessment, text: str) -> AreaTable:
    return read_area_table((HEAD + text).encode(), "areas.csv", assessment)


def test_without_a_table_the_plan_is_not_assessed(
    assessment: RiskAssessment, plan: PatrolPlan
) -> None:
    statement = equality_statement(plan, assessment, None)
    assert statement["status"] == "not assessed"
    assert "groups" not in statement
    assert (statement["plan_id"], statement["classification"]) == ("p", "OFFICIAL")


def test_figures_are_those_of_sums_by_hand(assessment: RiskAssessment, plan: PatrolPlan) -> None:
    first, second = (score.code for score in assessment.boroughs[:2])
    text = (
        f"{first},1000,age,under 25,0.5\n{first},1000,age,25 and over,0.5\n"
        f"{second},3000,age,under 25,0.1\n{second},3000,age,25 and over,0.9\n"
    )
    statement = equality_statement(plan, assessment, table(assessment, text))
    assert statement["status"] == "assessed"
    assert statement["areas_with_data"] == 2
    assert len(statement["areas_without_data"]) == len(assessment.boroughs) - 2
    young = next(one for one in statement["groups"] if one["group"] == "under 25")
    rates = {score.code: score.expected_per_week for score in assessment.boroughs}
    others = sum(rate for code, rate in rates.items() if code != first)
    vehicles = {first: 1.0, second: rates[second] / others}
    heads = {first: 500.0, second: 300.0}
    everybody = {first: 1000.0, second: 3000.0}

    def mean(weights: dict[str, float], of: dict[str, float]) -> float:
        return sum(weights[c] * of[c] for c in weights) / sum(weights.values())

    cover = {first: 0.9, second: 0.5}
    a_head = {code: vehicles[code] / everybody[code] for code in everybody}
    assert young["residents"] == 800
    assert math.isclose(young["coverage"], mean(heads, cover), abs_tol=1e-6)
    assert math.isclose(
        young["coverage_ratio"], mean(heads, cover) / mean(everybody, cover), abs_tol=1e-5
    )
    assert math.isclose(young["vehicles_per_10000"], 1e4 * mean(heads, a_head), abs_tol=1e-5)
    assert math.isclose(
        young["vehicles_ratio"], mean(heads, a_head) / mean(everybody, a_head), abs_tol=1e-5
    )
    said = " ".join(statement["words"])
    assert "under 25" in said
    assert f"{len(statement['areas_without_data'])} boroughs have no row" in said


def test_wards_have_the_vehicles_of_the_plan_in_all(
    assessment: RiskAssessment, plan: PatrolPlan
) -> None:
    rows = "".join(f"{score.code},1000,everybody,all,1\n" for score in assessment.wards)
    statement = equality_statement(plan, assessment, table(assessment, rows))
    (line,) = statement["groups"]
    assert line["vehicles_ratio"] == line["coverage_ratio"] == line["expected_ratio"] == 1
    residents = 1000 * len(assessment.wards)
    assert math.isclose(line["vehicles_per_10000"] * residents / 1e4, 2, rel_tol=1e-5)
    assert statement["areas_without_data"] == []
    assert statement["level"] == "wards"


@given(shares=st.lists(st.floats(0, 1), min_size=3, max_size=3), scale=st.floats(0.1, 10))
def test_population_units_do_not_change_a_ratio(shares: list[float], scale: float) -> None:
    made = make_assessment_once()
    codes = [score.code for score in made.boroughs[:3]]

    def lines(factor: float) -> str:
        return "".join(
            f"{code},{(n + 1) * 100 * factor!r},c,g,{share!r}\n"
            for n, (code, share) in enumerate(zip(codes, shares, strict=True))
        )

    placed = plan_once()
    one = equality_statement(placed, made, table(made, lines(1.0)))["groups"]
    other = equality_statement(placed, made, table(made, lines(scale)))["groups"]
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        for key in ("coverage", "coverage_ratio", "vehicles_ratio", "expected_ratio"):
            assert math.isclose(left[key], right[key], rel_tol=1e-4, abs_tol=2e-6)


@cache
def make_assessment_once() -> RiskAssessment:
    return make_assessment(load_bundled())


def plan_once() -> PatrolPlan:
    made = make_assessment_once()
    codes = tuple(score.code for score in made.boroughs)
    unit = UnitPlacement("ARV-01", "CO19", codes, (), (), 1.0, "", None)
    lines = tuple(BoroughCoverage(code, code, "ARV-01", 0.7) for code in codes)
    return PatrolPlan("p", "2026-W48", "optimal", 0.7, 0.7, 0.0, (unit,), lines)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{a},1000,age,young,1.2\n", "share"),
        ("{a},1000,age,young,-0.1\n", "share"),
        ("{a},1000,age,young,nan\n", "share"),
        ("{a},0,age,young,0.2\n", "population"),
        ("{a},many,age,young,0.2\n", "population"),
        ("E09999999,1000,age,young,0.2\n", "E09999999"),
        ("{a},1000,age,young,0.2\nE05000026,1000,age,young,0.2\n", "row 2"),
        ("{a},1000,age,young,0.2\n{a},1000,age,young,0.2\n", "twice"),
        ("{a},1000,age,young,0.6\n{a},1000,age,old,0.6\n", "sum to"),
        ("{a},1000,age,young,0.6\n{a},1001,age,old,0.4\n", "population"),
        ("{a},1000,,young,0.6\n", "characteristic"),
        ("{a},1000,age,yo\x07ung,0.6\n", "group"),
        ("", "no rows"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused(
    assessment: RiskAssessment, text: str, word: str
) -> None:
    with pytest.raises(EqualityRefusedError, match="Remedy") as refusal:
        table(assessment, text.replace("{a}", assessment.boroughs[0].code))
    assert word in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"area_code,share\n", b"\xff\xfe", b'a,"b\n'])
def test_a_file_that_is_no_such_table_is_refused(
    assessment: RiskAssessment, content: bytes
) -> None:
    with pytest.raises(EqualityRefusedError, match="Remedy"):
        read_area_table(content, "areas.csv", assessment)


def test_the_plan_of_another_assessment_is_refused(
    assessment: RiskAssessment, plan: PatrolPlan
) -> None:
    with pytest.raises(EqualityRefusedError, match="made from"):
        equality_statement(replace(plan, assessment_id="ra-other"), assessment, None)
