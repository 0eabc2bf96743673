"""Emphasis within the default areas: every ward, more where more is expected, and by chance."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.errors import PlanningRefusedError
from allocator.plan import PatrolPlan, UnitPlacement
from allocator.plan import document as plan_document
from allocator.shift_emphasis import EmphasisRefusedError, emphasise, targets
from api.cli import run
from api.files import assessment_folder
from api.files.output import json_text, write_all
from hotspots.assessment import RiskAssessment, content_id
from tests.oracle.plan_worlds import make_world

N_SHIFTS = 21


def made_plan(assessment: RiskAssessment) -> PatrolPlan:
    """Return a plan of two vehicles with half of the boroughs each; coverage is not looked at."""
    codes = [borough.code for borough in assessment.boroughs]
    half = len(codes) // 2
    areas = {"ARV-01": codes[:half], "ARV-02": codes[half:]}
    units = tuple(
        UnitPlacement(
            unit_id,
            "CO19",
            tuple(area),
            (),
            tuple(place.code for place in assessment.places if place.borough_code in area),
            0.1,
            "made up",
            None,
        )
        for unit_id, area in areas.items()
    )
    return PatrolPlan(
        plan_id="made-up",
        week="2026-W48",
        status="optimal",
        objective=0.5,
        bound=0.5,
        gap=0.0,
        units=units,
        boroughs=(),
        assessment_id=assessment.assessment_id,
    )


@pytest.fixture(scope="module")
def world() -> RiskAssessment:
    made = make_world(1, n_boroughs=6, wards_each=8)
    return replace(made, assessment_id=content_id(made))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**40), more=st.integers(0, 6))
def test_every_ward_is_emphasised_and_the_counts_follow_the_risk(
    world: RiskAssessment, seed: int, more: int
) -> None:
    plan = made_plan(world)
    result = emphasise(plan, world, seed=seed, wards_per_shift=2 + more)
    rates = {ward.code: ward.expected_per_week for ward in world.wards}
    for unit, placed in zip(result.units, plan.units, strict=True):
        assert len(unit.shifts) == N_SHIFTS
        assert [ward.code for ward in unit.wards] == list(placed.wards)
        counts = dict.fromkeys(placed.wards, 0)
        for shift in unit.shifts:
            assert len(set(shift.wards)) == len(shift.wards) == 2 + more
            for code in shift.wards:
                counts[code] += 1
        for ward in unit.wards:
            assert 1 <= counts[ward.code] == ward.shifts <= N_SHIFTS
            assert abs(ward.shifts - ward.target) < 1
        by_rate = sorted(unit.wards, key=lambda ward: rates[ward.code])
        assert sorted(w.target for w in unit.wards) == [w.target for w in by_rate]


def test_the_expected_count_is_the_target_and_shifts_are_alike(world: RiskAssessment) -> None:
    plan, n_draws = made_plan(world), 150
    unit = plan.units[0]
    counts, early = np.zeros(len(unit.wards)), np.zeros(N_SHIFTS)
    for seed in range(n_draws):
        drawn = emphasise(replace(plan, units=(unit,)), world, seed=seed, wards_per_shift=4)
        counts += [ward.shifts for ward in drawn.units[0].wards]
        top = max(drawn.units[0].wards, key=lambda ward: ward.target)
        early += [top.code in shift.wards for shift in drawn.units[0].shifts]
    target = np.array([ward.target for ward in drawn.units[0].wards])
    assert np.abs(counts / n_draws - target).max() < 5 * 0.5 / n_draws**0.5
    chance = early.sum() / (n_draws * N_SHIFTS)
    deviation = (n_draws * chance * (1 - chance)) ** 0.5
    assert np.abs(early - n_draws * chance).max() < 5 * deviation


def test_targets_share_out_what_a_cap_takes_away() -> None:
    target = targets(np.array([1000.0, 1.0, 3.0, 0.0]), 6, 2)
    assert target == pytest.approx([6.0, 1.75, 3.25, 1.0])
    assert targets(np.zeros(4), 6, 2) == pytest.approx([3.0] * 4)
    assert targets(np.array([5.0, 0.0]), 4, 2) == pytest.approx([4.0, 4.0])


def test_a_seed_repeats_a_draw_and_another_differs(world: RiskAssessment) -> None:
    plan = made_plan(world)
    assert emphasise(plan, world, seed=5) == emphasise(plan, world, seed=5)
    assert emphasise(plan, world, seed=5).units != emphasise(plan, world, seed=6).units
    alone = emphasise(replace(plan, units=plan.units[1:]), world, seed=5)
    assert alone.units == emphasise(plan, world, seed=5).units[1:]


def test_days_off_leave_days_out(world: RiskAssessment) -> None:
    plan = made_plan(world)
    result = emphasise(
        plan, world, seed=5, on_duty={"ARV-01": (0, 4)}, shift_names=("day", "night")
    )
    days = {shift.day.isoweekday() for shift in result.units[0].shifts}
    assert days == {1, 5}
    assert len(result.units[0].shifts) == 4
    assert len(result.units[1].shifts) == 14


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"wards_per_shift": 1}, "do not visit every ward"),
        ({"wards_per_shift": 0}, "0 wards a shift"),
        ({"shift_names": ()}, "the shifts are"),
        ({"shift_names": ("day", "day")}, "the shifts are"),
        ({"seed": -1}, "the seed is -1"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    world: RiskAssessment, values: dict[str, object], message: str
) -> None:
    with pytest.raises(EmphasisRefusedError, match=message) as refusal:
        emphasise(made_plan(world), world, **{"seed": 1, **values})  # type: ignore[arg-type]  # by name
    assert isinstance(refusal.value, PlanningRefusedError)
    other = replace(made_plan(world), assessment_id="other")
    with pytest.raises(EmphasisRefusedError, match="was made from assessment other"):
        emphasise(other, world, seed=1)


def test_the_command_writes_the_same_bytes_for_the_same_seed(
    world: RiskAssessment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = pd.DataFrame({"x_m": [520_000.0], "y_m": [180_000.0], "expected_per_week": [0.5]})
    write_all(tmp_path / "a", assessment_folder.writers(world, cells, []))
    plan = tmp_path / "plan.json"
    plan.write_text(json_text(plan_document(made_plan(world))), encoding="utf-8")
    given_ = ["emphasis", "--plan", str(plan), "--assessment", str(tmp_path / "a")]
    for name in ("one", "two"):
        assert run([*given_, "--seed", "4", "--json", "-", "--out", str(tmp_path / name)]) == 0
    for name in ("shift_emphasis.json", "shift_emphasis.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    shown = capsys.readouterr()
    body = json.loads((tmp_path / "one" / "shift_emphasis.json").read_text("utf-8"))
    assert json.loads(shown.out[: len(shown.out) // 2]) == body
    assert "OFFICIAL SYNTHETIC" in shown.err
    rows = pd.read_csv(tmp_path / "one" / "shift_emphasis.csv")
    assert len(rows) == sum(len(s["wards"]) for u in body["units"] for s in u["shifts"])
    assert set(rows["classification"]) == {"OFFICIAL"}
    assert run([*given_, "--wards-per-shift", "1", "--out", str(tmp_path / "no")]) == 1
    assert not (tmp_path / "no").exists()
