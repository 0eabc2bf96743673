"""Simulated weeks through their doors: calls, figures with intervals, refusals."""

from __future__ import annotations

import ast
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from allocator.plan import Fleet, PatrolPlan, Unit, UnitPlacement
from allocator.simulation.assumptions import HOUR_S, WEEK_S, SimulationAssumptions
from allocator.simulation.calls import CallLog, calls_from_draws, calls_from_log
from allocator.simulation.deployment import deploy_areas, deploy_plan
from allocator.simulation.errors import (
    OverloadError,
    SimulationRefusedError,
    UnrelatedPlanError,
)
from allocator.simulation.intervals import quantile, share
from allocator.simulation.report import Weeks, document, report
from allocator.simulation.special_days import SpecialDays
from allocator.simulation.weeks import simulate_deployments, simulate_plan
from allocator.travel_time import TravelTime, embedded_travel_time
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import borough_code, make_world

AREAS = (("A1", (0, 1)), ("B2", (2, 3)), ("C3", (4, 5)))
CALM = SimulationAssumptions(calls_per_week=60.0)


@pytest.fixture(scope="module")
def town() -> RiskAssessment:
    return make_world(5, n_boroughs=6, wards_each=3)


@pytest.fixture(scope="module")
def drives(town: RiskAssessment) -> TravelTime:
    return embedded_travel_time(town)


def plan_of(town: RiskAssessment, areas: tuple[tuple[str, tuple[int, ...]], ...]) -> PatrolPlan:
    placements = []
    for unit_id, numbers in areas:
        codes = tuple(borough_code(number) for number in numbers)
        wards = tuple(place.code for place in town.places if place.borough_code in codes)
        placements.append(UnitPlacement(unit_id, "CO19", codes, (), wards, 0.0, "", None))
    return PatrolPlan(
        plan_id="2026-W48-made-up",
        week="2026-W48",
        status="optimal",
        objective=0.5,
        bound=0.5,
        gap=0.0,
        units=tuple(placements),
        boroughs=(),
        settings={"service_standard_s": 540, "turnout_s": 60},
        assessment_id=town.assessment_id,
    )


def fleet_of(*unit_ids: str, days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)) -> Fleet:
    return Fleet(tuple(Unit(unit_id, "CO19", (), days) for unit_id in unit_ids), 540, 60)


def run(
    town: RiskAssessment,
    drives: TravelTime,
    areas: tuple[tuple[str, tuple[int, ...]], ...] = AREAS,
    **options: object,
) -> Weeks:
    assumptions = options.pop("assumptions", CALM)
    units = tuple(Unit(unit_id, "CO19") for unit_id, _ in areas)
    placed = {unit_id: tuple(borough_code(n) for n in numbers) for unit_id, numbers in areas}
    deployed = deploy_areas(placed, units, town, demand_mix=0.5)
    (weeks,) = simulate_deployments(
        [deployed],
        town,
        drives,
        **{  # type: ignore[arg-type]  # options of the door, by name
            "weeks": 60,
            "seed": 1,
            "service_standard_s": 540,
            "turnout_s": 60,
            "assumptions": assumptions,
            **options,
        },
    )
    return weeks


# ---- one seed repeats, two differ, and the draw of a call never depends on the plan


def test_one_seed_repeats_to_the_byte_and_two_differ(
    town: RiskAssessment, drives: TravelTime
) -> None:
    def once(seed: int) -> str:
        got = simulate_plan(
            plan_of(town, AREAS), town, drives, weeks=40, seed=seed, assumptions=CALM
        )
        return json.dumps(document(got), sort_keys=True, allow_nan=False)

    assert once(3) == once(3)
    assert once(3) != once(4)


def test_plans_meet_the_same_calls_and_a_unit_the_same_chance(
    town: RiskAssessment, drives: TravelTime
) -> None:
    whole = run(town, drives)
    fewer = run(town, drives, AREAS[:2])
    for name in ("week", "ward", "time_s", "needs_second"):
        np.testing.assert_array_equal(getattr(whole.trace, name), getattr(fewer.trace, name))
    first = next(calls_from_draws(town.draws, weeks=5, seed=1, assumptions=CALM))
    dwell = np.ones(len(town.wards))
    np.testing.assert_array_equal(first.patrol_ward("A1", dwell), first.patrol_ward("A1", dwell))
    assert (first.patrol_ward("A1", dwell) != first.patrol_ward("B2", dwell)).any()


# ---- calls


def test_calls_follow_the_posterior(town: RiskAssessment) -> None:
    random = np.random.default_rng(0)
    draws = random.gamma(4.0, 1.0, (50, 4)).astype(np.float32)
    blocks = list(
        calls_from_draws(
            draws, weeks=1_200, seed=2, assumptions=SimulationAssumptions(calls_per_week=80.0)
        )
    )
    counts = np.concatenate([block.count for block in blocks])
    level = draws.sum(axis=1) / draws.sum(axis=1).mean() * 80.0
    assert counts.mean() == pytest.approx(80.0, abs=4 * math.sqrt(counts.var() / 1_200))
    assert counts.var() == pytest.approx(80.0 + level.var(), rel=0.15)  # Poisson, mixed
    wards = np.concatenate([b.ward[np.isfinite(b.time_s)] for b in blocks])
    expected = draws.mean(axis=0) / draws.mean(axis=0).sum()
    np.testing.assert_allclose(np.bincount(wards, minlength=4) / len(wards), expected, atol=0.01)
    for block in blocks:
        assert (np.diff(block.count) <= 0).all()
        real = np.isfinite(block.time_s)
        assert (real.sum(axis=0) == block.count).all()
        assert ((block.time_s[real] >= 0) & (block.time_s[real] < WEEK_S)).all()
        assert (block.time_s[1:] >= block.time_s[:-1]).all()


@pytest.mark.parametrize("shape", ["lognormal", "exponential", "fixed"])
def test_service_times_have_the_assumed_mean_and_shape(shape: str) -> None:
    assumptions = SimulationAssumptions(
        calls_per_week=300, service_time_s=1_800, service_shape=shape, two_unit_share=0.25
    )  # type: ignore[arg-type]  # a parameter of the test
    (block,) = calls_from_draws(
        np.ones((1, 3), dtype=np.float32), weeks=200, seed=1, assumptions=assumptions
    )
    times = block.service_s
    variation = {"lognormal": 0.8, "exponential": 1.0, "fixed": 0.0}[shape]
    assert times.mean() == pytest.approx(1_800, rel=0.02)
    assert times.std() / times.mean() == pytest.approx(variation, abs=0.03)
    assert block.needs_second.mean() == pytest.approx(0.25, abs=0.01)
    assert np.log(block.drive_factor).std() == pytest.approx(0.25, abs=0.005)
    assert np.median(block.drive_factor) == pytest.approx(1.0, abs=0.005)


def test_a_profile_moves_calls_to_its_hours() -> None:
    profile = np.zeros(168)
    profile[100:104] = (1.0, 3.0, 0.0, 4.0)
    (block,) = calls_from_draws(
        np.ones((1, 2), dtype=np.float32), weeks=100, seed=1, assumptions=CALM, hour_profile=profile
    )
    hours = (block.time_s[np.isfinite(block.time_s)] // HOUR_S).astype(int)
    found = np.bincount(hours, minlength=168) / len(hours)
    np.testing.assert_allclose(found[100:104], [0.125, 0.375, 0.0, 0.5], atol=0.02)
    assert found[100:104].sum() == 1.0


def test_a_log_is_replayed_week_by_week() -> None:
    log = CallLog(
        week=np.array([2, 0, 0, 2, 2]),
        time_s=np.array([50.0, 10.0, 5.0, 7.0, 600_000.0]),
        ward=np.array([1, 0, 2, 0, 3]),
        n_weeks=3,
    )
    (block,) = calls_from_log(log, weeks=7, seed=1, assumptions=CALM)
    weeks = [
        [(block.time_s[n, week], int(block.ward[n, week])) for n in range(int(block.count[week]))]
        for week in range(7)
    ]
    third = [(7.0, 0), (50.0, 1), (600_000.0, 3)]
    assert weeks == [third, third, *[[(5.0, 2), (10.0, 0)]] * 3, [], []]
    again = block.service_s[0, :3, 0], block.service_s[0, :3, 1]
    assert (again[0] != again[1]).all()  # fresh chance at every replay


# ---- what a report says, worked out again call by call


def test_the_figures_of_a_report(town: RiskAssessment, drives: TravelTime) -> None:
    weeks = run(town, drives, weeks=300)  # two blocks of weeks
    got, trace = report(weeks), weeks.trace
    in_time = trace.response_s <= 540
    assert got.calls == len(trace.week) == pytest.approx(300 * 60, rel=0.05)
    assert got.share_within.value == pytest.approx(in_time.mean())
    assert got.median_response_s is not None
    assert got.median_response_s.value == pytest.approx(np.median(trace.response_s), rel=1e-3)
    assert got.p90_response_s is not None
    assert got.p90_response_s.value == pytest.approx(np.quantile(trace.response_s, 0.9), rel=1e-2)
    assert got.queued_share.value == pytest.approx((trace.wait_s > 0).mean())
    owner = np.array(
        [n for place in town.places for n in range(3) if weeks.own[town.places.index(place), n]]
    )
    assert got.own_area_share.value == pytest.approx((owner[trace.ward] == trace.unit).mean())
    for number, unit in enumerate(got.units):
        assert unit.utilisation is not None
        assert unit.utilisation.value == pytest.approx(
            trace.busy_s[:, number].mean() / trace.on_s[:, number].mean()
        )
        assert unit.calls_per_week == pytest.approx((trace.unit == number).sum() / 300)
    by_borough = {
        one.code: one.share_within.value for one in got.boroughs if one.share_within is not None
    }
    for code, value in by_borough.items():
        inside = np.array([place.borough_code == code for place in town.places])[trace.ward]
        assert value == pytest.approx(in_time[inside].mean())
    assert got.worst_borough.code == min(by_borough, key=lambda code: by_borough[code])
    shares = [in_time[trace.week == n].mean() for n in range(300)]
    np.testing.assert_allclose(got.share_by_week, np.quantile(shares, [0.025, 0.975]))


def test_intervals_hold_the_truth_19_times_in_20() -> None:
    random = np.random.default_rng(1)
    held_share = held_quantile = 0
    truth = (48 * 0.3 + 16 * 0.5) / (48 + 16)  # a call counts, so the larger weeks weigh more
    for _ in range(400):
        busy = random.random(60) < 0.5
        whole = random.poisson(np.where(busy, 48, 16)).astype(float)  # clustered by week
        part = random.binomial(whole.astype(int), np.where(busy, 0.3, 0.5)).astype(float)
        got = share(part, whole)
        assert got is not None
        assert got.lower_95 is not None
        assert got.upper_95 is not None
        held_share += got.lower_95 <= truth <= got.upper_95
        week = np.repeat(np.arange(40), 25)
        values = random.standard_normal(1_000) + random.standard_normal(40)[week] * 0.3
        middle = quantile(values, week, 40, 0.5)
        assert middle is not None
        assert middle.lower_95 is not None
        assert middle.upper_95 is not None
        held_quantile += middle.lower_95 <= 0.0 <= middle.upper_95
    assert 0.91 <= held_share / 400 <= 0.985
    assert 0.91 <= held_quantile / 400 <= 0.985


def test_one_week_has_no_interval_and_no_call_no_share(
    town: RiskAssessment, drives: TravelTime
) -> None:
    got = report(run(town, drives, weeks=1))
    assert got.share_within.lower_95 is None
    assert "lower_95" in json.dumps(document(got), allow_nan=False)
    assert share(np.zeros(3), np.zeros(3)) is None
    assert quantile(np.array([math.inf, math.inf, 1.0]), np.zeros(3, dtype=int), 1, 0.9) is None


# ---- what the rules and the assumptions do


def test_rules_send_whom_they_name(town: RiskAssessment, drives: TravelTime) -> None:
    def own_share(rule: str) -> float:
        quiet = replace(CALM, rule=rule, calls_per_week=5.0, two_unit_share=0.0, handover_s=0.0)
        return report(run(town, drives, assumptions=quiet)).own_area_share.value

    assert own_share("own_area_first") > 0.95
    assert own_share("own_area_first") > own_share("closest")
    quiet = SimulationAssumptions(rule="fixed_order", calls_per_week=5.0, two_unit_share=0.0)
    weeks = run(town, drives, assumptions=quiet)
    placed = {unit_id: tuple(borough_code(n) for n in numbers) for unit_id, numbers in AREAS}
    units = tuple(Unit(unit_id, "CO19") for unit_id, _ in AREAS)
    dwell = deploy_areas(placed, units, town, demand_mix=0.5).dwell
    nearest = (dwell @ drives.seconds).argmin(axis=0)
    assert (weeks.trace.unit == nearest[weeks.trace.ward]).mean() > 0.95


def test_more_units_are_better_and_a_second_unit_costs_time(
    town: RiskAssessment, drives: TravelTime
) -> None:
    three, one = run(town, drives), run(town, drives, AREAS[:1])
    assert three.within().mean() > one.within().mean() + 0.1
    alone = run(town, drives, assumptions=replace(CALM, two_unit_share=0.0))
    both = run(town, drives, assumptions=replace(CALM, two_unit_share=1.0))
    assert both.trace.busy_s.sum() > 1.8 * alone.trace.busy_s.sum()


def test_days_off_and_handovers_take_units_off_the_road(
    town: RiskAssessment, drives: TravelTime
) -> None:
    plan, fleet = plan_of(town, AREAS), fleet_of("A1", "B2", "C3")
    weekend = replace(fleet, units=(*fleet.units[:2], replace(fleet.units[2], on_duty=(5, 6))))

    def simulated(crew: Fleet, **changes: object) -> float:
        got = simulate_plan(
            plan, town, drives, weeks=80, seed=1, fleet=crew,
            assumptions=replace(CALM, **changes),  # type: ignore[arg-type]  # by name
        )  # fmt: skip
        return got.share_within.value

    assert simulated(weekend) < simulated(fleet)
    assert simulated(fleet, handover_s=7_200.0) < simulated(fleet, handover_s=0.0)


def carnival(**changes: object) -> SpecialDays:
    days: dict[str, object] = {
        "names": ("Carnival",),
        "extra_calls": np.zeros((7, 18)),
        "committed": (frozenset(),) * 7,
        "taken": (0,) * 7,
    }
    return SpecialDays(**(days | changes))  # type: ignore[arg-type]  # by name


def test_an_event_adds_its_calls_on_its_days_in_its_wards(
    town: RiskAssessment, drives: TravelTime
) -> None:
    extra = np.zeros((7, 18))
    extra[5, 2], extra[6, 4] = 30.0, 10.0
    with_event = run(town, drives, weeks=200, special=carnival(extra_calls=extra)).trace
    without = run(town, drives, weeks=200).trace
    more = np.zeros((7, 18))
    for trace, sign in ((with_event, 1), (without, -1)):
        day = (trace.time_s // (24 * HOUR_S)).astype(int)
        more += sign * np.histogram2d(day, trace.ward, bins=(np.arange(8), np.arange(19)))[0]
    np.testing.assert_allclose(more / 200, extra, atol=1.0)
    assert (np.diff(with_event.time_s)[np.diff(with_event.week) == 0] >= 0).all()


def test_an_event_takes_its_vehicles_by_name_or_by_lot(
    town: RiskAssessment, drives: TravelTime
) -> None:
    named = carnival(committed=(*(frozenset(),) * 5, frozenset({"B2"}), frozenset({"B2"})))
    trace = run(town, drives, special=named).trace
    at_s = trace.time_s + trace.wait_s
    assert not (trace.unit[at_s % WEEK_S >= 5 * 24 * HOUR_S] == 1).any()
    assert (trace.on_s[:, 1] < trace.on_s[:, 0] * 5.1 / 7).all()
    drawn = run(town, drives, weeks=300, special=carnival(taken=(2, *(0,) * 6))).trace
    monday = drawn.time_s + drawn.wait_s < 24 * HOUR_S
    busy = np.zeros((300, 3), dtype=bool)
    busy[drawn.week[monday], drawn.unit[monday]] = True
    assert (busy.sum(axis=1) <= 1).all()  # two of three are at the event
    assert busy.any(axis=0).all()  # not always the same ones
    off = (drawn.on_s < drawn.on_s.max(axis=0)).mean(axis=0)
    np.testing.assert_allclose(off, 2 / 3, atol=0.1)


@pytest.mark.parametrize(
    "changes",
    [
        {"extra_calls": np.zeros((6, 18))},
        {"extra_calls": np.full((7, 18), -1.0)},
        {"extra_calls": np.full((7, 18), np.inf)},
        {"taken": (-1, *(0,) * 6)},
    ],
)
def test_events_out_of_bounds_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(SimulationRefusedError, match="extra calls"):
        carnival(**changes)


# ---- bad input


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"calls_per_week": 0.0}, "calls_per_week is 0"),
        ({"calls_per_week": -3.0}, "calls_per_week is -3"),
        ({"service_time_s": 0.0}, "service_time_s is 0"),
        ({"service_time_s": -60.0}, "service_time_s is -60"),
        ({"service_time_s": math.nan}, "service_time_s is nan"),
        ({"two_unit_share": 1.5}, "two_unit_share is 1"),
        ({"travel_noise": -0.1}, "travel_noise is -0"),
        ({"rule": "nearest"}, "closest, own_area_first, fixed_order"),
        ({"service_shape": "normal"}, "lognormal, exponential, fixed"),
        ({"shift_starts_h": (25.0,)}, "a shift starts at 25 h"),
        ({"shift_starts_h": (1.0, 2.0, 3.0), "handover_s": 18_000.0}, "more than a day"),
    ],
)
def test_assumptions_out_of_bounds_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(SimulationRefusedError, match=words) as refusal:
        SimulationAssumptions(**changes)  # type: ignore[arg-type]  # wrong on purpose
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weeks": 0}, "weeks is 0"),
        ({"weeks": -5}, "weeks is -5"),
        ({"weeks": 10**9}, "weeks is 1000000000"),
        ({"weeks": 100_000, "assumptions": replace(CALM, calls_per_week=150.0)}, "at most 66666"),
        ({"seed": -1}, "seed is -1"),
        ({"service_standard_s": 0}, "the standard is 0 s"),
        ({"turnout_s": -1}, "a turn-out of -1 s"),
    ],
)
def test_requests_out_of_bounds_are_refused(
    town: RiskAssessment, drives: TravelTime, options: dict[str, object], words: str
) -> None:
    with pytest.raises(SimulationRefusedError, match=words):
        run(town, drives, **options)


def test_overload_says_by_how_much_the_queue_grows(
    town: RiskAssessment, drives: TravelTime
) -> None:
    busy = SimulationAssumptions(
        calls_per_week=1_680.0, service_time_s=3_540.0, two_unit_share=0.0, handover_s=0.0
    )
    with pytest.raises(OverloadError, match="grows by 7 calls an hour or more") as refusal:
        run(town, drives, assumptions=busy)
    assert refusal.value.growth_per_h == pytest.approx(10.0 - 3.0)
    brink = replace(busy, calls_per_week=480.0, service_time_s=3_000.0)
    got = report(run(town, drives, assumptions=brink))
    assert got.unserved_share.value > 0
    assert got.queued_share.value > 0.5


def test_units_never_available_are_refused(town: RiskAssessment) -> None:
    with pytest.raises(SimulationRefusedError, match="none of the 1 units is ever available"):
        deploy_areas({}, (Unit("A1", "CO19"),), town, demand_mix=0.5)
    with pytest.raises(SimulationRefusedError, match="ever available"):
        deploy_areas(
            {"A1": (borough_code(0),)}, (Unit("A1", "CO19", (), ()),), town, demand_mix=0.5
        )


def test_a_unit_that_is_never_on_duty_answers_nothing(
    town: RiskAssessment, drives: TravelTime
) -> None:
    fleet = fleet_of("A1", "B2", "C3")
    off = replace(fleet, units=(*fleet.units[:2], replace(fleet.units[2], on_duty=())))
    got = simulate_plan(
        plan_of(town, AREAS), town, drives, weeks=10, seed=1, fleet=off, assumptions=CALM
    )
    assert got.units[2].calls_per_week == 0.0
    assert got.units[2].utilisation is None


def test_what_does_not_belong_together_is_refused(town: RiskAssessment, drives: TravelTime) -> None:
    plan = plan_of(town, AREAS)
    other = replace(plan, assessment_id="ra-other")
    with pytest.raises(UnrelatedPlanError, match="was made from assessment ra-other"):
        deploy_plan(other, town, demand_mix=0.5)
    with pytest.raises(UnrelatedPlanError, match=r"same units \(C3, D4\)"):
        deploy_plan(plan, town, units=fleet_of("A1", "B2", "D4").units, demand_mix=0.5)
    strange = replace(plan, units=(replace(plan.units[0], wards=("E05999999",)),))
    with pytest.raises(UnrelatedPlanError, match="patrols E05999999"):
        deploy_plan(strange, town, demand_mix=0.5)
    beside = replace(plan, units=(replace(plan.units[0], support=("E09000033",)),))
    with pytest.raises(UnrelatedPlanError, match="patrols E09000033"):
        deploy_plan(beside, town, demand_mix=0.5)
    smaller = embedded_travel_time(make_world(5, n_boroughs=4, wards_each=2))
    with pytest.raises(UnrelatedPlanError, match="covers other wards"):
        simulate_plan(plan, town, smaller, weeks=2, seed=1)
    silent = replace(plan, settings={})
    with pytest.raises(SimulationRefusedError, match="does not name its service standard"):
        simulate_plan(silent, town, drives, weeks=2, seed=1)


@pytest.mark.parametrize(
    ("draws", "words"),
    [
        (np.zeros((3, 2), dtype=np.float32), "expect 0 incidents"),
        (np.array([[1.0, -1.0]], dtype=np.float32), "negative"),
        (np.array([[1.0, np.nan]], dtype=np.float32), "no number"),
        (np.zeros((0, 2), dtype=np.float32), "expect 0 incidents"),
    ],
)
def test_draws_that_give_no_calls_are_refused(draws: np.ndarray, words: str) -> None:
    with pytest.raises(SimulationRefusedError, match=words):
        next(calls_from_draws(draws, weeks=2, seed=1, assumptions=CALM))


def test_profiles_and_logs_out_of_bounds_are_refused() -> None:
    with pytest.raises(SimulationRefusedError, match="hour profile"):
        next(
            calls_from_draws(
                np.ones((1, 1), dtype=np.float32),
                weeks=1,
                seed=1,
                assumptions=CALM,
                hour_profile=np.ones(24),
            )
        )
    none = np.zeros(0, dtype=int)
    with pytest.raises(SimulationRefusedError, match="the log holds 0 calls"):
        CallLog(none, none.astype(float), none, 1)
    with pytest.raises(SimulationRefusedError, match="call 1 of the log is at 700000 s"):
        CallLog(np.array([0]), np.array([700_000.0]), np.array([0]), 1)


# ---- the judge knows nothing of the model it judges


def test_the_simulator_knows_the_allocator_only_by_its_values(repository: Path) -> None:
    allowed = {"allocator.errors", "allocator.plan", "allocator.travel_time"}
    modules = sorted((repository / "allocator" / "simulation").glob("*.py"))
    assert len(modules) > 5
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                root = name.split(".")[0]
                assert root not in {"api", "ortools"}
                if root == "hotspots":
                    assert name == "hotspots.assessment"
                if root == "allocator" and not name.startswith("allocator.simulation."):
                    assert name in allowed, f"{module.name} imports {name}"
