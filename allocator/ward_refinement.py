"""Move single border wards between neighbouring areas, for patrol emphasis, after the plan is made.

The plan itself gives out whole boroughs: that is what is solved and proven, and it stays. Within
it, a ward on the border of two areas may be patrolled more sensibly from the other side. This
step evens out the units' shares of demand by moving such wards, one at a time, as long as every
unit's wards hang together and coverage does not fall. It is a local search, a heuristic: the plan
says so, with both figures before and after. Only ``wards`` of the units changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocator import coverage, event_calendar
from allocator.errors import PlanningRefusedError
from allocator.plan import DECIMALS, Fleet, PatrolPlan, sealed
from allocator.plan_request import events_of
from allocator.plan_world import Floats, build_world
from allocator.settings import PlanSettings, in_force
from allocator.travel_time import TravelTime, embedded_travel_time
from allocator.verifier_wards import check_refined_wards
from hotspots.assessment import RiskAssessment

SETTING = "ward_refinement"
MIN_GAIN = 1e-9
LEAST_COVERAGE_ROUNDING = 1e-12


def refine_wards(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    fleet: Fleet,
    *,
    settings: PlanSettings | None = None,
    travel: TravelTime | None = None,
) -> PatrolPlan:
    """Even out the units' shares of demand by moving border wards, without losing coverage.

    Parameters
    ----------
    plan
        A plan whose units have the wards of their boroughs.
    assessment, fleet
        What it was made from.
    settings, travel
        As for the plan.

    Returns
    -------
    PatrolPlan
        The plan with other ``wards`` and a new identifier. ``settings["ward_refinement"]``
        holds the method, the wards moved (ward: from, to), and before and after the coverage
        with units patrolling these wards and the greatest and least share of demand.
        Boroughs, objective, bound and gap are untouched: they speak of the boroughs.

    Raises
    ------
    PlanningRefusedError
        The plan is refined already, or is for other units or boroughs than given.
    """
    settings = settings or in_force(plan.settings)
    travel = travel or embedded_travel_time(assessment)
    _check(plan, assessment, fleet)
    ground = _Ground(plan, assessment, fleet, settings, travel)
    before = ground.figures()
    while (move := ground.best_move()) is not None:
        ground.apply(move)
    return _refined(plan, assessment, ground, before)


def refined_as(
    plan: PatrolPlan,
    refined: PatrolPlan,
    assessment: RiskAssessment,
    fleet: Fleet,
    *,
    settings: PlanSettings,
    travel: TravelTime,
) -> PatrolPlan:
    """Give a plan the wards of another with the same areas, and weigh them anew.

    Parameters
    ----------
    plan, assessment, fleet, settings, travel
        As for :func:`refine_wards`.
    refined
        The plan whose wards were refined.

    Raises
    ------
    PlanningRefusedError
        ``refined`` is not refined, or as for :func:`refine_wards`.
    """
    record = _record(refined)
    _check(plan, assessment, fleet)
    ground = _Ground(plan, assessment, fleet, settings, travel)
    before = ground.figures()
    units = {unit.unit_id: number for number, unit in enumerate(plan.units)}
    wards = {place.code: number for number, place in enumerate(assessment.places)}
    for ward, (giver, taker) in record["moved"].items():
        ground.apply(_Move(wards[ward], units[giver], units[taker]))
    return _refined(plan, assessment, ground, before)


def _refined(
    plan: PatrolPlan, assessment: RiskAssessment, ground: _Ground, before: dict[str, float]
) -> PatrolPlan:
    """Return the plan with the wards as they are on the ground, and what that did."""
    refined = sealed(
        replace(
            plan,
            units=tuple(
                replace(unit, wards=ground.wards_of(number))
                for number, unit in enumerate(plan.units)
            ),
            settings=plan.settings
            | {
                SETTING: {
                    "method": "local search (heuristic): single border wards, best balance first",
                    "moved": ground.moved(),
                    "before": before,
                    "after": ground.figures(),
                }
            },
        )
    )
    check_refined_wards(refined, assessment)
    return refined


def sentence(plan: PatrolPlan) -> str:
    """Say what the refinement of a plan did, for people.

    Raises
    ------
    PlanningRefusedError
        The plan's wards are not refined.
    """
    record = _record(plan)
    before, after = record["before"], record["after"]
    return (
        f"Wards refined (heuristic): {len(record['moved'])} border wards moved; the busiest unit "
        f"carries {after['greatest_load']:.2f} instead of {before['greatest_load']:.2f} times an "
        f"equal share of demand, the least busy {after['least_load']:.2f} instead of "
        f"{before['least_load']:.2f}."
    )


def _record(plan: PatrolPlan) -> dict[str, Any]:
    record = plan.settings.get(SETTING)
    if not isinstance(record, dict):
        raise PlanningRefusedError(
            f"the wards of plan {plan.plan_id} are not refined", remedy="refine them first"
        )
    return record


@dataclass(frozen=True)
class _Move:
    ward: int
    giver: int
    taker: int


class _Ground:
    """Which unit patrols which ward, and what that covers."""

    def __init__(
        self,
        plan: PatrolPlan,
        assessment: RiskAssessment,
        fleet: Fleet,
        settings: PlanSettings,
        travel: TravelTime,
    ) -> None:
        events = events_of(assessment, fleet, event_calendar.in_force(plan.settings), plan.week)
        self._world = build_world(
            assessment, fleet, travel, settings, events=events, week=plan.week
        )
        self._plan = plan
        self._codes = [place.code for place in assessment.places]
        self._busy = _busy(plan, settings)
        self._chance = coverage.reach_probability(travel, coverage.drive_limit_s(fleet), settings)
        self._links = _links(assessment, self._codes)
        home = {code: n for n, unit in enumerate(plan.units) for code in unit.boroughs}
        boroughs = [place.borough_code for place in assessment.places]
        self._home = np.array([home[code] for code in boroughs])
        self._owner = self._home.copy()
        self._supported = np.array(
            [[code in unit.support for code in boroughs] for unit in plan.units]
        )
        self._allowed = _allowed(plan, fleet, boroughs)
        self._available = np.array(
            [[kind.available[unit.unit_id] for kind in self._world.kinds] for unit in plan.units]
        )
        self._exposure = np.stack([self._exposure_of(n) for n in range(len(plan.units))], axis=1)
        self._least = self._covered(self._exposure.sum(axis=1)) - LEAST_COVERAGE_ROUNDING

    def figures(self) -> dict[str, float]:
        """Return coverage and the greatest and least share of demand, in equal shares."""
        loads = self._loads() * len(self._plan.units)
        return {
            "coverage": round(self._covered(self._exposure.sum(axis=1)), DECIMALS),
            "greatest_load": round(float(loads.max()), DECIMALS),
            "least_load": round(float(loads.min()), DECIMALS),
        }

    def moved(self) -> dict[str, list[str]]:
        """Return from whom and to whom each moved ward went."""
        ids = [unit.unit_id for unit in self._plan.units]
        return {
            self._codes[ward]: [ids[self._home[ward]], ids[self._owner[ward]]]
            for ward in np.flatnonzero(self._home != self._owner).tolist()
        }

    def wards_of(self, unit: int) -> tuple[str, ...]:
        """Return the codes of a unit's wards, sorted."""
        return tuple(sorted(self._codes[ward] for ward in np.flatnonzero(self._owner == unit)))

    def best_move(self) -> _Move | None:
        """Return the move that evens demand out most among those that keep every rule."""
        loads, demand = self._loads(), self._world.demand
        gains = []
        for move in self._moves():
            share = demand[move.ward]
            gain = 2.0 * share * (loads[move.giver] - loads[move.taker] - share)
            if gain > MIN_GAIN:
                gains.append((-gain, move.ward, move.taker, move))
        for *_, move in sorted(gains, key=lambda entry: entry[:3]):
            if self._stays_whole(move) and self._keeps_coverage(move):
                return move
        return None

    def apply(self, move: _Move) -> None:
        """Hand the ward over."""
        self._owner[move.ward] = move.taker
        for unit in (move.giver, move.taker):
            self._exposure[:, unit] = self._exposure_of(unit)

    def _moves(self) -> Iterator[_Move]:
        """Yield wards never moved yet that touch a ward of another unit's own boroughs."""
        for ward in np.flatnonzero(self._owner == self._home).tolist():
            giver = int(self._owner[ward])
            beside = {
                int(self._owner[other])
                for other in self._links[ward]
                if self._owner[other] == self._home[other]
            }
            for taker in sorted(beside - {giver}):
                if self._allowed[giver, taker, ward]:
                    yield _Move(ward, giver, taker)

    def _stays_whole(self, move: _Move) -> bool:
        """Whether the giver's other wards still hang together, and every one it lent out."""
        left = set(np.flatnonzero(self._owner == move.giver).tolist()) - {move.ward}
        return bool(left) and _connected(left, self._links)

    def _keeps_coverage(self, move: _Move) -> bool:
        total = self._exposure.sum(axis=1)
        total -= self._exposure[:, move.giver] + self._exposure[:, move.taker]
        self._owner[move.ward] = move.taker
        total += self._exposure_of(move.giver) + self._exposure_of(move.taker)
        self._owner[move.ward] = move.giver
        return self._covered(total) >= self._least

    def _exposure_of(self, unit: int) -> Floats:
        """Exposure of every point to a unit that patrols its wards and what it supports."""
        ground = (self._owner == unit) | self._supported[unit]
        weights = self._world.weights[ground]
        reach = np.clip(weights @ self._chance[ground] / weights.sum(), 0.0, 1.0)
        exposure: Floats = self._world.point_exposure(
            reach[:, None], self._available[[unit]], self._busy[[unit]]
        )
        return exposure[:, 0]

    def _covered(self, total: Floats) -> float:
        return coverage.expected_coverage(self._world.point_demand, total)

    def _loads(self) -> Floats:
        size = len(self._plan.units)
        loads = np.bincount(self._owner, weights=self._world.demand, minlength=size)
        return loads.astype(np.float64)


def _links(assessment: RiskAssessment, codes: list[str]) -> list[tuple[int, ...]]:
    """Wards that touch each ward by a road."""
    index = {code: number for number, code in enumerate(codes)}
    around: list[set[int]] = [set() for _ in codes]
    for link in assessment.ward_links:
        a, b = index[link.code_a], index[link.code_b]
        around[a].add(b)
        around[b].add(a)
    return [tuple(sorted(others)) for others in around]


def _allowed(plan: PatrolPlan, fleet: Fleet, boroughs: list[str]) -> NDArray[np.bool_]:
    """Whether a ward may go from a unit to another, (n_units, n_units, n_wards).

    A ward of a borough locked to its unit stays; nobody gets one where it may not patrol.
    """
    eligible = {unit.unit_id: unit.eligible_boroughs for unit in fleet.units}
    excludes, locks = _codes(plan, "excludes"), _codes(plan, "locks")
    may_give = np.array(
        [[code not in locks.get(u.unit_id, ()) for code in boroughs] for u in plan.units]
    )
    may_take = np.array(
        [
            [
                (not eligible[u.unit_id] or code in eligible[u.unit_id])
                and code not in excludes.get(u.unit_id, ())
                for code in boroughs
            ]
            for u in plan.units
        ]
    )
    both: NDArray[np.bool_] = may_give[:, None, :] & may_take[None, :, :]
    return both


def _busy(plan: PatrolPlan, settings: PlanSettings) -> Floats:
    """Busy fraction of every unit that the plan was made with, (n_units,)."""
    worked_out = plan.settings.get("busy_fractions")
    of_unit = worked_out if isinstance(worked_out, dict) else {}
    return np.array([of_unit.get(unit.unit_id, settings.busy_fraction) for unit in plan.units])


def _codes(plan: PatrolPlan, name: str) -> dict[str, list[str]]:
    entry = plan.settings.get(name)
    return entry if isinstance(entry, dict) else {}


def _connected(wards: set[int], links: list[tuple[int, ...]]) -> bool:
    start = min(wards)
    reached, waiting = {start}, [start]
    while waiting:
        for other in links[waiting.pop()]:
            if other in wards and other not in reached:
                reached.add(other)
                waiting.append(other)
    return reached == wards


def _check(plan: PatrolPlan, assessment: RiskAssessment, fleet: Fleet) -> None:
    if SETTING in plan.settings:
        raise PlanningRefusedError(
            f"the wards of plan {plan.plan_id} are refined already",
            remedy="refine the plan as it was made",
        )
    placed = {unit.unit_id for unit in plan.units}
    odd = sorted(placed ^ {unit.unit_id for unit in fleet.units})
    if odd:
        raise PlanningRefusedError(
            f"plan {plan.plan_id} and the fleet do not have the same units ({', '.join(odd)})",
            remedy="give the fleet file the plan was made with",
        )
    codes = {borough.code for borough in assessment.boroughs}
    if codes != {borough.code for borough in plan.boroughs}:
        raise PlanningRefusedError(
            f"plan {plan.plan_id} is for other boroughs than the assessment",
            remedy="give the assessment the plan was made with",
        )
