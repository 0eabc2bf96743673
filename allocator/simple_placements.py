"""Placements a planner could make without a solver for the whole: by demand, distance or greed.

They stand beside the proposed plan and keep none of its rules: areas may coincide or be cut off,
and boroughs may stay without a unit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from allocator import coverage
from allocator.p_median import solve_p_median
from allocator.patrol_areas import members_of, membership
from allocator.plan import Fleet
from allocator.plan_world import Floats, World, build_world
from allocator.settings import PlanSettings
from allocator.travel_time import TravelTime, embedded_travel_time
from hotspots.assessment import RiskAssessment

MEDIAN_LIMIT_S = 10.0
DAYS_IN_WEEK = 7


def simple_placements(
    assessment: RiskAssessment,
    fleet: Fleet,
    *,
    settings: PlanSettings | None = None,
    travel: TravelTime | None = None,
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the areas of every unit under each simple placement, by its name.

    Parameters
    ----------
    assessment, fleet
        The week's risk picture and the vehicles.
    settings, travel
        As for the plan; documented defaults when left out.

    Returns
    -------
    dict
        ``proportional``, ``nearest_centre`` and ``greedy``: borough codes by unit_id.

    Raises
    ------
    PlanningRefusedError
        Demand, wards, boroughs or the travel-time matrix cannot be used.
    """
    settings = settings or PlanSettings()
    world = build_world(assessment, fleet, travel or embedded_travel_time(assessment), settings)
    fleet = replace(fleet, units=tuple(sorted(fleet.units, key=lambda unit: unit.unit_id)))
    masks = {
        "proportional": proportional(world, fleet),
        "nearest_centre": nearest_centre(world, assessment, fleet),
        "greedy": greedy(world, fleet, settings),
    }
    return {
        name: {
            unit.unit_id: tuple(world.borough_codes[member] for member in members_of(mask))
            for unit, mask in zip(fleet.units, areas, strict=True)
        }
        for name, areas in masks.items()
    }


def proportional(world: World, fleet: Fleet) -> list[int]:
    """Hand out units by the method of Webster: always where demand per unit is greatest."""
    given = np.zeros(len(world.borough_codes))
    masks = []
    for _ in fleet.units:
        best = int((world.borough_demand / (2 * given + 1)).argmax())
        given[best] += 1
        masks.append(1 << best)
    return masks


def nearest_centre(world: World, assessment: RiskAssessment, fleet: Fleet) -> list[int]:
    """Give every borough to the nearest of the centres that a p-median of demand opens."""
    at = np.array([(place.x_m, place.y_m) for place in assessment.places])
    size = len(world.borough_codes)
    heavy = np.bincount(world.borough_of_ward, weights=world.weights, minlength=size)
    centre = np.stack(
        [
            np.bincount(world.borough_of_ward, weights=world.weights * axis, minlength=size) / heavy
            for axis in at.T
        ],
        axis=1,
    )
    distance_m = np.hypot(*(centre[:, None] - centre[None]).transpose(2, 0, 1))
    median = solve_p_median(
        distance_m, world.borough_demand, n_units=len(fleet.units), time_limit_s=MEDIAN_LIMIT_S
    )
    nearest: NDArray[np.intp] = np.array(median.assigned, dtype=np.intp)
    return [sum(1 << int(n) for n in np.flatnonzero(nearest == site)) for site in median.sites]


def greedy(world: World, fleet: Fleet, settings: PlanSettings) -> list[int]:
    """Place one unit after the other in the single borough where it adds most coverage."""
    size = len(world.borough_codes)
    singles = [1 << number for number in range(size)]
    members = membership(singles, size)
    reach = coverage.area_reach(world.reach_from_borough, world.borough_weight, members)
    busy = world.busy_fractions(members, settings.busy_fraction)
    demand = world.point_demand
    total: Floats = np.zeros(len(demand))
    chosen: list[int] = []
    for unit in fleet.units:
        on_road = np.array([kind.available[unit.unit_id] for kind in world.kinds])
        exposure = world.point_exposure(reach, np.tile(on_road, (size, 1)), busy)
        gains = [
            coverage.expected_coverage(demand, total + exposure[:, number])
            for number in range(size)
        ]
        best = int(np.argmax(gains))
        chosen.append(singles[best])
        total = total + exposure[:, best]
    return chosen
