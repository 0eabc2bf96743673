"""Where the units of a placement patrol: the simulator's own reading of areas and wards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from allocator.plan import PatrolPlan, Unit
from allocator.simulation.errors import SimulationRefusedError, UnrelatedPlanError
from hotspots.assessment import RiskAssessment

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Deployment:
    """Units with their areas.

    Attributes
    ----------
    unit_ids
        The units in order.
    dwell
        float (n_units, n_wards): share of patrol time in each ward; rows sum to 1.
    own
        bool (n_wards, n_units): whether the ward lies in the unit's area.
    weekdays
        Days on duty of each unit, 0 = Monday; empty for a unit the placement leaves out.
    """

    unit_ids: tuple[str, ...]
    dwell: Floats
    own: NDArray[np.bool_]
    weekdays: tuple[tuple[int, ...], ...] = field(default=())


def deploy_plan(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    *,
    units: Sequence[Unit] | None = None,
    demand_mix: float,
) -> Deployment:
    """Read the areas of a plan, with the wards it names and the boroughs it supports.

    Parameters
    ----------
    plan, assessment
        The plan, made from the assessment.
    units
        The fleet, for the days on duty; every day when left out.
    demand_mix
        See :class:`allocator.simulation.assumptions.SimulationAssumptions`.

    Raises
    ------
    UnrelatedPlanError
        The plan was made from another assessment, names wards or boroughs it does not have, or
        places other units than the fleet has.
    """
    if plan.assessment_id != assessment.assessment_id:
        raise UnrelatedPlanError(
            f"plan {plan.plan_id} was made from assessment {plan.assessment_id}, not from "
            f"{assessment.assessment_id}",
            remedy="give the folder of the assessment the plan was made from",
        )
    if units is not None and {u.unit_id for u in units} != {u.unit_id for u in plan.units}:
        odd = {u.unit_id for u in units} ^ {u.unit_id for u in plan.units}
        raise UnrelatedPlanError(
            f"plan {plan.plan_id} and the fleet do not have the same units "
            f"({', '.join(sorted(odd))})",
            remedy="give the fleet file the plan was made with",
        )
    everyday = tuple(range(7))
    days = {unit.unit_id: unit.on_duty for unit in units} if units is not None else {}
    known = {place.code for place in assessment.places}
    boroughs = {place.borough_code for place in assessment.places}
    wards: dict[str, frozenset[str]] = {}
    for unit in plan.units:
        beside = {p.code for p in assessment.places if p.borough_code in unit.support}
        wards[unit.unit_id] = frozenset({*unit.wards, *beside})
        strange = sorted(wards[unit.unit_id] - known) or sorted(
            {*unit.boroughs, *unit.support} - boroughs
        )
        if strange:
            raise UnrelatedPlanError(
                f"unit {unit.unit_id} patrols {strange[0]}, which the assessment does not score",
                remedy="give the folder of the assessment the plan was made from",
            )
    duty = {unit_id: days.get(unit_id, everyday) for unit_id in wards}
    return deploy_wards(wards, duty, assessment, demand_mix=demand_mix)


def deploy_areas(
    areas: Mapping[str, Sequence[str]],
    units: Sequence[Unit],
    assessment: RiskAssessment,
    *,
    demand_mix: float,
) -> Deployment:
    """Read areas given as borough codes by unit; a unit without an area is not on the road.

    Raises
    ------
    SimulationRefusedError
        No unit has an area.
    """
    wards = {}
    for unit in units:
        area = frozenset(areas.get(unit.unit_id, ()))
        wards[unit.unit_id] = frozenset(p.code for p in assessment.places if p.borough_code in area)
    duty = {unit.unit_id: unit.on_duty for unit in units}
    return deploy_wards(wards, duty, assessment, demand_mix=demand_mix)


def deploy_wards(
    wards: Mapping[str, frozenset[str]],
    duty: Mapping[str, Sequence[int]],
    assessment: RiskAssessment,
    *,
    demand_mix: float,
) -> Deployment:
    """Spread the patrol time of units over their wards, by demand and by ground.

    Raises
    ------
    SimulationRefusedError
        No unit with a ward is ever on duty.
    """
    unit_ids = tuple(sorted(wards))
    own = np.array(
        [[place.code in wards[unit_id] for unit_id in unit_ids] for place in assessment.places],
        dtype=np.bool_,
    ).reshape(len(assessment.places), len(unit_ids))
    placed: NDArray[np.bool_] = np.asarray(own.any(axis=0), dtype=np.bool_)
    weekdays = tuple(
        tuple(duty[unit_id]) if on else () for unit_id, on in zip(unit_ids, placed, strict=True)
    )
    if not any(weekdays):
        raise SimulationRefusedError(
            f"none of the {len(unit_ids)} units is ever available",
            remedy="place at least one unit that is on duty on some weekday",
        )
    rates = np.array([max(ward.expected_per_week, 0.0) for ward in assessment.wards])
    ground = np.array([place.area_km2 for place in assessment.places])
    time = demand_mix * rates / max(rates.sum(), np.finfo(float).tiny)
    time = time + (1.0 - demand_mix) * ground / ground.sum()
    dwell = np.where(own.T | ~placed[:, None], time[None, :], 0.0)
    empty = dwell.sum(axis=1) == 0  # all demand, and an area without any: by ground
    dwell[empty] = np.where(own.T, ground[None, :], 0.0)[empty]
    dwell = dwell / dwell.sum(axis=1, keepdims=True)
    return Deployment(unit_ids, dwell, own, weekdays)
