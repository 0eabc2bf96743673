"""How the proof of the weekly plan grows with units and demand points, on synthetic regions.

A region is a grid of boroughs 6 km apart, two to a unit, with wards scattered over it, gamma
demand, straight-line drives at 40 km/h with a detour of 1.3, and units that may go anywhere. Only
the model and its proof are timed: a matrix of 10,000 x 10,000 drive times would hide them.
`ARV_GROWTH=quick` keeps to the smaller half.
"""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass

import numpy as np

from allocator import coverage
from allocator.errors import PlanTimedOutError
from allocator.patrol_areas import neighbour_masks
from allocator.plan import Fleet, Unit
from allocator.plan_problem import build_problem
from allocator.plan_world import World, unit_classes
from allocator.settings import PlanSettings
from allocator.solver.outer_approximation import solve
from allocator.travel_time import TravelTime
from allocator.week_days import DayKind

UNITS = ((8, 700), (16, 700), (32, 700), (64, 700))
POINTS = ((16, 2_500), (16, 5_000), (16, 10_000))
SELECTION = "ARV_GROWTH"
LIMIT_S = 60.0
TARGET_GAP = 1e-3
SPACING_M = 6_000.0
SPEED_M_PER_S = 40_000 / 3_600
DETOUR = 1.3
BLOCK = 500
SEED = 20_260_801


@dataclass(frozen=True)
class Growth:
    """One region and its proof."""

    n_units: int
    n_points: int
    n_columns: int
    objective: float
    gap: float
    spent_s: float


def run() -> str:
    """Return the table of growth."""
    rows = [
        "| units | boroughs | demand points | candidate areas | gap | processor s |",
        "|---|---|---|---|---|---|",
    ]
    for one in measured():
        rows.append(
            f"| {one.n_units} | {2 * one.n_units} | {one.n_points} | {one.n_columns} | "
            f"{one.gap:.3%} | {one.spent_s:.1f} |"
        )
    rows.append(
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB; "
        f"{LIMIT_S:.0f} s allowed each"
    )
    return "\n".join(rows)


def measured() -> list[Growth]:
    """Solve every region of the selection."""
    cases = [*UNITS, *POINTS]
    if os.environ.get(SELECTION) == "quick":
        cases = [*UNITS[:2], *POINTS[:1]]
    return [proven(n_units, n_points) for n_units, n_points in cases]


def proven(n_units: int, n_points: int) -> Growth:
    """Make a region and prove its placement."""
    settings = PlanSettings()
    fleet = Fleet(tuple(Unit(f"U-{n:02d}", "X") for n in range(n_units)), 540, 60)
    world = region(fleet, n_points, settings)
    classes = unit_classes(world, fleet, {})
    start = time.process_time()
    problem = build_problem(world, classes, settings, previous={}, max_changes=None)
    try:
        found = solve(problem, gap_tolerance=TARGET_GAP, time_limit_s=LIMIT_S)
        objective, gap = found.objective, (found.bound - found.objective) / found.objective
    except PlanTimedOutError:
        objective, gap = 0.0, np.inf
    spent_s = time.process_time() - start
    return Growth(n_units, n_points, len(problem.masks), objective, gap, spent_s)


def region(fleet: Fleet, n_points: int, settings: PlanSettings) -> World:
    """Return a grid of boroughs with wards, demand and reach."""
    random = np.random.default_rng(SEED)
    n_boroughs = 2 * len(fleet.units)
    width = round(np.sqrt(n_boroughs))
    codes = tuple(f"B{number:03d}" for number in range(n_boroughs))
    borough_of_ward = np.sort(np.arange(n_points) % n_boroughs)
    cell = np.stack([borough_of_ward % width, borough_of_ward // width], axis=1)
    at_m = SPACING_M * (cell + random.uniform(0, 1, (n_points, 2)))
    heavy = random.gamma(2.0, 1.0, n_boroughs)
    rates = heavy[borough_of_ward] * random.gamma(0.7, 1.0, n_points)
    demand = rates / rates.sum()
    weights = coverage.patrol_weights(demand, np.ones(n_points), settings.demand_mix)
    links = [(codes[n], codes[n + 1]) for n in range(n_boroughs - 1) if (n + 1) % width]
    links += [(codes[n], codes[n + width]) for n in range(n_boroughs - width)]
    return World(
        borough_codes=codes,
        borough_names=codes,
        neighbours=neighbour_masks(codes, links),
        demand=demand,
        weights=weights,
        borough_of_ward=borough_of_ward,
        reach_from_borough=_reach(at_m, weights, borough_of_ward, fleet, settings),
        kinds=(DayKind(tuple(range(7)), demand, {u.unit_id: 1.0 for u in fleet.units}, 1.0),),
    )


def _reach(
    at_m: np.ndarray,
    weights: np.ndarray,
    borough_of_ward: np.ndarray,
    fleet: Fleet,
    settings: PlanSettings,
) -> np.ndarray:
    """Reach of every ward from every borough, a block of wards at a time."""
    limit_s = coverage.drive_limit_s(fleet)
    spread = np.zeros((len(weights), int(borough_of_ward.max()) + 1))
    spread[np.arange(len(weights)), borough_of_ward] = weights
    blocks = []
    for first in range(0, len(at_m), BLOCK):
        near = at_m[first : first + BLOCK]
        metres = np.hypot(*(near[:, None] - at_m[None]).transpose(2, 0, 1))
        seconds = DETOUR * metres / SPEED_M_PER_S
        drives = TravelTime((), seconds, "straight line", "any", 1.0, "")
        blocks.append(coverage.reach_probability(drives, limit_s, settings) @ spread)
    return np.concatenate(blocks)
