"""The placement against complete enumeration, another solver, and the real city."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from allocator.plan import Fleet, PatrolPlan, Unit, document, from_document
from allocator.weekly_plan import plan_week
from api.files.fleet_file import read_fleet
from hotspots.assessment import RiskAssessment
from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import read_feed
from hotspots.pipeline import assess_week
from hotspots.sources import load_default_policy
from tests.oracle.plan_worlds import FREE, SlowCoverage, all_plans, borough_code, make_world

RESOLVE = """
import sys, pulp
_, problem = pulp.LpProblem.fromMPS(sys.argv[1])
problem.solve(pulp.PULP_CBC_CMD(msg=False, gapRel=0.0, threads=1))
print(pulp.LpStatus[problem.status], repr(pulp.value(problem.objective)))
"""


def fleet_of(*units: Unit, standard_s: int = 540) -> Fleet:
    return Fleet(units, standard_s, 60)


FLEETS = {
    "alike": fleet_of(Unit("A", "X"), Unit("B", "X"), Unit("C", "X")),
    "typed": fleet_of(
        Unit("A", "X"),
        Unit("B", "Y", tuple(borough_code(n) for n in (0, 1, 2, 3))),
        Unit("C", "Z", tuple(borough_code(n) for n in (3, 4, 5, 6))),
    ),
    "part of the week": fleet_of(
        Unit("A", "X", on_duty=(0, 1, 2)), Unit("B", "X"), Unit("C", "X", on_duty=(5,))
    ),
    "one": fleet_of(Unit("A", "X")),
    "one each": fleet_of(*(Unit(f"U{n}", "X") for n in range(7))),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", FLEETS)
def test_the_plan_is_the_best_of_all_partitions(name: str, seed: int) -> None:
    assessment = make_world(seed, n_boroughs=7)
    fleet = FLEETS[name]
    if name == "one each":
        areas = {u.unit_id: frozenset({borough_code(n)}) for n, u in enumerate(fleet.units)}
        best = SlowCoverage(assessment, fleet, FREE).of(areas)
    else:
        coverage = SlowCoverage(assessment, fleet, FREE)
        best = max(coverage.of(areas) for areas in all_plans(assessment, fleet, {}))
    plan = plan_week(assessment, fleet, settings=FREE)
    assert plan.status == "optimal"
    assert plan.objective == pytest.approx(best, abs=2e-7)
    assert plan.objective <= plan.bound <= plan.objective * (1 + 2e-7) + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_locks_and_limits_cost_exactly_what_enumeration_says(seed: int) -> None:
    assessment = make_world(seed, n_boroughs=7)
    fleet = FLEETS["alike"]
    coverage = SlowCoverage(assessment, fleet, FREE)
    first = plan_week(assessment, fleet, settings=FREE)
    before = {unit.unit_id: frozenset(unit.boroughs) for unit in first.units}
    locks = {"B": (borough_code(0), borough_code(1))}
    for limit in (1, 2, 3):
        allowed = [
            areas
            for areas in all_plans(assessment, fleet, locks)
            if sum(areas[unit_id] != area for unit_id, area in before.items()) <= limit
        ]
        if not allowed:
            continue
        best = max(coverage.of(areas) for areas in allowed)
        plan = plan_week(
            assessment, fleet, settings=FREE, locks=locks, previous=first, max_changes=limit
        )
        assert plan.objective == pytest.approx(best, abs=2e-7)


def test_the_written_model_has_the_same_optimum_in_another_solver(tmp_path: Path) -> None:
    assessment = make_world(5, n_boroughs=9, wards_each=3)
    models: list[str] = []
    plan = plan_week(assessment, FLEETS["alike"], settings=FREE, on_model=models.append)
    path = tmp_path / "model.mps"
    path.write_text(models[0], encoding="utf-8")
    answer = subprocess.run(
        [sys.executable, "-c", RESOLVE, str(path)], capture_output=True, text=True, check=True
    )
    status, value = answer.stdout.split()[-2:]
    assert status == "Optimal"
    assert -float(value) == pytest.approx(plan.objective, abs=1e-6)


def test_a_block_plan_is_honest_about_its_limits(london: RiskAssessment) -> None:
    fleet = fleet_of(*(Unit(f"U-{n}", "CO19") for n in range(4)))
    plan = plan_week(london, fleet)
    assert plan.status == "feasible"
    blocks = plan.settings["borough_blocks"]
    assert isinstance(blocks, list) and blocks
    for block in blocks:
        assert any(set(block) <= set(unit.boroughs) for unit in plan.units)


@pytest.fixture(scope="module")
def london(shared_data: Path) -> RiskAssessment:
    area = load_bundled()
    counts = shared_data / "crime" / "mps_gun_knife_ward_monthly_2021-08_2023-07.parquet"
    policy = load_default_policy()
    return assess_week(
        [read_feed(counts, area)], area, as_of=date(2023, 8, 1), policy=policy
    ).assessment


@pytest.fixture(scope="module")
def london_plan(london: RiskAssessment, repository: Path) -> PatrolPlan:
    return plan_week(london, read_fleet(repository / "examples" / "fleet.toml"))


def test_london_is_proven_within_a_thousandth(
    london: RiskAssessment, london_plan: PatrolPlan
) -> None:
    assert london_plan.status == "optimal"
    assert 0 <= london_plan.gap <= 1e-3
    assert 0.3 < london_plan.objective <= london_plan.bound < 0.7
    assert len(london_plan.units) == 16
    assert sorted(code for unit in london_plan.units for code in unit.boroughs) == [
        borough.code for borough in london.boroughs
    ]
    assert len({ward for unit in london_plan.units for ward in unit.wards}) == 679
    assert london_plan.settings["workload_bounds_relaxed"] is False
    shares = {b.code: b.expected_per_week for b in london.boroughs}
    heaviest = max(sum(shares[c] for c in unit.boroughs) for unit in london_plan.units)
    assert heaviest <= 1.5 / 16 * sum(shares.values()) * (1 + 1e-9)


def test_london_explains_itself(london_plan: PatrolPlan) -> None:
    for unit in london_plan.units:
        assert unit.marginal_coverage > 0
        assert unit.reason.endswith(".") and "\n" not in unit.reason
        if unit.runner_up is not None:
            assert unit.runner_up.boroughs != unit.boroughs
            assert unit.runner_up.objective_loss >= 0
    assert sum(unit.runner_up is not None for unit in london_plan.units) >= 12


def test_london_twice_gives_the_same_bytes(
    london: RiskAssessment, london_plan: PatrolPlan, repository: Path
) -> None:
    again = plan_week(london, read_fleet(repository / "examples" / "fleet.toml"))
    first, second = (json.dumps(document(plan)) for plan in (london_plan, again))
    assert first == second
    assert from_document(json.loads(first)) == london_plan


def test_losing_a_unit_with_two_changes_keeps_most_of_the_coverage(
    london: RiskAssessment, london_plan: PatrolPlan, repository: Path
) -> None:
    fleet = read_fleet(repository / "examples" / "fleet.toml")
    smaller = replace(fleet, units=fleet.units[1:])
    free = plan_week(london, smaller, previous=london_plan)
    close = plan_week(london, smaller, previous=london_plan, max_changes=2)
    before = {unit.unit_id: unit.boroughs for unit in london_plan.units}
    changed = sum(unit.boroughs != before[unit.unit_id] for unit in close.units)
    assert changed <= 2
    assert 0.97 * free.objective <= close.objective <= free.bound
