"""The planner's assumptions and rules: one frozen value, shown with every plan."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from allocator.errors import PlanningRefusedError

Robust = Literal["mean", "cvar"]

_BOUNDS: dict[str, tuple[float, float]] = {
    "busy_fraction": (0.01, 0.99),
    "travel_noise": (0.01, 2.0),
    "demand_mix": (0.0, 0.999),
    "negligible_reach": (0.0, 0.2),
    "workload_cap": (1.0, math.inf),
    "workload_floor": (0.0, 1.0),
    "max_boroughs": (1.0, 64.0),
    "coverage_floor": (0.0, 1.0),
    "gap_tolerance": (0.0, 0.1),
}


@dataclass(frozen=True)
class PlanSettings:
    """Assumptions of the coverage model and rules of the plan.

    Attributes
    ----------
    busy_fraction
        Share of its time on duty that a unit cannot answer a call (an assumption until it is
        estimated from records of activity).
    travel_noise
        Standard deviation of the logarithm of a drive time around its typical value.
    demand_mix
        Share of patrol time a unit spends in proportion to demand; the rest is spread evenly
        over the ground of its area: some always is, or areas without demand would have no
        patrol at all.
    negligible_reach
        A ward is out of reach of a place when the chance of arriving in time is below this.
    workload_cap, workload_floor
        Bounds of a unit's share of demand, as multiples of the equal share. A single borough
        may exceed the cap, and a unit with few eligible boroughs is excused from the floor.
    max_boroughs
        Most boroughs in one area, raised for fleets too small to cover London with it.
    coverage_floor
        Least expected coverage of every patrolled borough, averaged over the week.
    robust
        ``mean``: greatest expected coverage. ``cvar``: greatest mean coverage over the worst
        tenth of the posterior draws.
    gap_tolerance
        A plan is called optimal once (bound - objective) / objective is at most this. Beside
        a previous plan the solve goes on to half of it, and the other half is spent on changing
        fewer areas.
    """

    busy_fraction: float = 0.3
    travel_noise: float = 0.25
    demand_mix: float = 0.5
    negligible_reach: float = 0.01
    workload_cap: float = 1.5
    workload_floor: float = 0.5
    max_boroughs: int = 6
    coverage_floor: float = 0.0
    robust: Robust = "mean"
    gap_tolerance: float = 1e-3

    def __post_init__(self) -> None:
        if self.robust not in get_args(Robust):
            raise PlanningRefusedError(
                f"the setting robust is {self.robust!r}",
                remedy=f"use one of {', '.join(get_args(Robust))}",
            )
        for name, (low, high) in _BOUNDS.items():
            value = float(getattr(self, name))
            if not low <= value <= high:
                raise PlanningRefusedError(
                    f"the setting {name} is {value:g}, outside {low:g} to {high:g}",
                    remedy=f"give {name} a value from {low:g} to {high:g}",
                )


def in_force(recorded: Mapping[str, object]) -> PlanSettings:
    """Return the default settings with the rules that a plan was made under.

    Parameters
    ----------
    recorded
        ``settings`` of a plan document; what it does not record keeps its default.
    """
    floor = recorded.get("coverage_floor")
    return PlanSettings(
        coverage_floor=float(floor) if isinstance(floor, int | float) else 0.0,
        robust="cvar" if recorded.get("robust") == "cvar" else "mean",
    )
