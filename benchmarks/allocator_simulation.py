"""Simulated weeks: speed, the verdict on the sample and the real week, the model held to them."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import numpy as np

from allocator.plan import Fleet, PatrolPlan
from allocator.settings import PlanSettings
from allocator.simple_placements import simple_placements
from allocator.simulation.assumptions import SimulationAssumptions
from allocator.simulation.deployment import Deployment, deploy_areas, deploy_plan
from allocator.simulation.report import report
from allocator.simulation.weeks import simulate_deployments, simulate_plan
from allocator.travel_time import TravelTime, embedded_travel_time
from allocator.verdict import judge
from allocator.weekly_plan import plan_week
from api import week as weekly
from api.files.fleet_file import read_fleet
from api.files.policy_file import read_policy
from api.files.sample_data import SAMPLE_AS_OF, sample_feeds, sample_fleet
from api.plans.verdict_view import verdict_view
from benchmarks.allocator_plan import COUNTS, london
from hotspots.assessment import RiskAssessment
from hotspots.feeds.reader import ReadOptions

WEEKS = 1_000
#: Loads to judge under: a plain week, and one whose calls keep vehicles twice as long.
LOADS = {"1 h at a call": {}, "2 h at a call": {"service_time_s": 7_200.0}}
#: Nothing but calls and traffic, to compare with a formula.
PLAIN = {"handover_s": 0.0, "two_unit_share": 0.0, "return_factor": 0.0}


def run() -> str:
    """Return speed, verdicts and the comparison of model and simulation."""
    fleet = read_fleet(sample_fleet())
    parts = [_week("sample", _sample(), fleet)]
    if COUNTS.is_file():
        parts.append(_week("London, August 2023", london(), fleet))
    else:
        parts.append("real week: the public test data (../shared/data) is not beside this checkout")
    return "\n\n".join(parts)


def _sample() -> RiskAssessment:
    area = weekly.study_area(None, None)
    return weekly.assess(
        weekly.read_feeds(sample_feeds(), area, ReadOptions()),
        area,
        as_of=date.fromisoformat(SAMPLE_AS_OF),
        policy=read_policy(None),
        seed=0,
        classification="OFFICIAL",
    ).assessment


def _week(name: str, assessment: RiskAssessment, fleet: Fleet) -> str:
    plan, travel = plan_week(assessment, fleet), embedded_travel_time(assessment)
    start = time.process_time()
    once = simulate_plan(plan, assessment, travel, weeks=WEEKS, seed=1, fleet=fleet)
    spent_s = time.process_time() - start
    again = simulate_plan(plan, assessment, travel, weeks=WEEKS, seed=1, fleet=fleet)
    other = simulate_plan(plan, assessment, travel, weeks=WEEKS, seed=2, fleet=fleet)
    lines = [
        f"{name}: {WEEKS} weeks, {once.calls / WEEKS:.0f} calls, {len(plan.units)} units in "
        f"{spent_s:.1f} s of processor time (target 20 s); the same seed "
        f"{'repeats' if again == once else 'DIFFERS'}, another "
        f"{'differs' if other != once else 'REPEATS'}"
    ]
    for label, load in LOADS.items():
        lines += ["", f"{label}:", *_verdict(plan, assessment, fleet, load)]
    return "\n".join([*lines, "", *_formulas(plan, assessment, fleet, travel)])


def _verdict(
    plan: PatrolPlan, assessment: RiskAssessment, fleet: Fleet, load: dict[str, float]
) -> list[str]:
    start = time.process_time()
    verdict = judge(
        plan, assessment, fleet, previous=plan, assumptions=replace(SimulationAssumptions(), **load)
    )
    spent_s = time.process_time() - start
    rows = [
        "| placement | in time | plan's lead, points | 9 in 10 within | worst borough | "
        "not patrolled |",
        "|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {row.placement} | {row.in_time} | {row.lead} | {row.nine_in_ten_within} | "
        f"{row.worst} | {row.unpatrolled} |"
        for row in verdict_view(verdict).rows
    ]
    busy = verdict.proposed.fleet_utilisation.value if verdict.proposed else float("nan")
    return [*rows, f"vehicles busy {busy:.1%}; {spent_s:.1f} s of processor time"]


def _formulas(
    plan: PatrolPlan, assessment: RiskAssessment, fleet: Fleet, travel: TravelTime
) -> list[str]:
    """Set the model's coverage beside simulation, with the traffic of a call shared or not."""
    settings = PlanSettings()
    units = sorted(fleet.units, key=lambda unit: unit.unit_id)
    placed = {"proposed": deploy_plan(plan, assessment, units=units, demand_mix=0.5)}
    for name, areas in simple_placements(assessment, fleet, travel=travel).items():
        placed[name] = deploy_areas(areas, units, assessment, demand_mix=settings.demand_mix)
    limit_s = fleet.service_standard_s - fleet.turnout_s
    rows = [
        "Model and simulation without handovers, second units and drives back:",
        "| busy | placement | each unit its own traffic (model) | one traffic a call | simulated |",
        "|---|---|---|---|---|",
    ]
    for service_s in (10.0, 4_320.0):
        plain = SimulationAssumptions(service_time_s=service_s, **PLAIN)
        simulated = simulate_deployments(
            list(placed.values()), assessment, travel, weeks=400, seed=0,
            service_standard_s=fleet.service_standard_s, turnout_s=fleet.turnout_s,
            assumptions=plain,
        )  # fmt: skip
        for (name, one), weeks in zip(placed.items(), simulated, strict=True):
            judged = report(weeks)
            busy = judged.fleet_utilisation.value
            own, shared = (
                _coverage(one, assessment, travel, limit_s, busy, shared=shared)
                for shared in (False, True)
            )
            rows.append(
                f"| {busy:.1%} | {name} | {own:.4f} | {shared:.4f} | "
                f"{judged.share_within.value:.4f} |"
            )
    return rows


def _coverage(
    placed: Deployment,
    assessment: RiskAssessment,
    travel: TravelTime,
    limit_s: float,
    busy: float,
    *,
    shared: bool,
) -> float:
    """Chance that some free unit is in time: 1 - prod(1 - (1 - busy) reach), over demand."""
    rates = np.array([ward.expected_per_week for ward in assessment.wards])
    noise, weight = np.polynomial.hermite_e.hermegauss(41)
    weight = weight / weight.sum()
    spread = SimulationAssumptions().travel_noise
    reach = [placed.dwell @ (travel.seconds <= limit_s * np.exp(-spread * one)) for one in noise]
    if not shared:
        reach, weight = [np.tensordot(weight, np.stack(reach), axes=1)], np.ones(1)
    found = [1.0 - np.prod(1.0 - (1.0 - busy) * one, axis=0) for one in reach]
    return float(sum(w * (one @ rates) for w, one in zip(weight, found, strict=True)) / rates.sum())
