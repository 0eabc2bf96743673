"""What a simulated week assumes beyond the plan: one frozen value, shown with every result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from allocator.simulation.errors import SimulationRefusedError

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
WEEK_S = 7 * DAY_S

DispatchRule = Literal["closest", "own_area_first", "fixed_order"]
ServiceShape = Literal["lognormal", "exponential", "fixed"]
RULES: tuple[DispatchRule, ...] = get_args(DispatchRule)
SHAPES: tuple[ServiceShape, ...] = get_args(ServiceShape)

#: Each rule in words a planner reads.
RULE_WORDS: dict[str, str] = {
    "closest": "the available unit with the shortest drive from where it is",
    "own_area_first": "a unit of the call's own area when one is available, else the closest",
    "fixed_order": "the available unit whose area is nearest on average, wherever it is now",
}

_BOUNDS: dict[str, tuple[float, float]] = {
    "calls_per_week": (1e-6, 1e6),
    "service_time_s": (1e-6, 7 * DAY_S),
    "service_variation": (1e-6, 5.0),
    "two_unit_share": (0.0, 1.0),
    "travel_noise": (0.0, 2.0),
    "demand_mix": (0.0, 1.0),
    "return_factor": (0.0, 10.0),
    "handover_s": (0.0, 6 * HOUR_S),
}
_REMEDIES = {
    "calls_per_week": "without calls there is nothing to simulate; give the calls a week that "
    "armed response vehicles are sent to",
    "service_time_s": "give the mean time from arrival until a unit is free again",
}


@dataclass(frozen=True)
class SimulationAssumptions:
    """Assumptions of the simulated weeks. All are labelled; none is estimated from records.

    Attributes
    ----------
    calls_per_week
        Mean number of calls in a week of 168 hours; the assessment gives their shares by ward and
        how much a week's level varies.
    service_time_s, service_shape, service_variation
        Mean time from arrival until the unit is free again, its distribution, and for
        ``lognormal`` its coefficient of variation.
    two_unit_share
        Share of calls that a second unit is sent to as well.
    travel_noise
        Standard deviation of the logarithm of a drive time around its typical value.
    demand_mix
        Share of patrol time spent in proportion to demand; the rest in proportion to ground.
    return_factor
        How much longer the drive back to patrol takes than the drive to a call.
    rule
        Which available unit is sent; see :data:`RULE_WORDS`.
    shift_starts_h, handover_s
        Hours of the day at which shifts change, and how long a unit is off the road then. Every
        other unit hands over later by that time, so that never all are off at once.
    """

    calls_per_week: float = 300.0
    service_time_s: float = 3600.0
    service_shape: ServiceShape = "lognormal"
    service_variation: float = 0.8
    two_unit_share: float = 0.2
    travel_noise: float = 0.25
    demand_mix: float = 0.5
    return_factor: float = 1.5
    rule: DispatchRule = "closest"
    shift_starts_h: tuple[float, ...] = (7.0, 15.0, 23.0)
    handover_s: float = 900.0

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            value = float(getattr(self, name))
            if not low <= value <= high:
                bound = "above 0" if low == _BOUNDS["calls_per_week"][0] else f"at least {low:g}"
                raise SimulationRefusedError(
                    f"{name} is {value:g}, but must be {bound} and at most {high:g}",
                    remedy=_REMEDIES.get(name, f"give {name} a value in these bounds"),
                )
        _one_of("rule", self.rule, RULES)
        _one_of("service_shape", self.service_shape, SHAPES)
        _check_shifts(self.shift_starts_h, self.handover_s)


def check_weeks(weeks: int) -> None:
    """Refuse a number of weeks that is not a positive whole number of bearable size.

    Raises
    ------
    SimulationRefusedError
        Fewer than 1 or more than 100,000 weeks.
    """
    if not 1 <= weeks <= 100_000:
        raise SimulationRefusedError(
            f"weeks is {weeks}, but must be 1 to 100000",
            remedy="simulate for example 400 weeks; a 95 % interval needs at least 2",
        )


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SimulationRefusedError(
            f"{name} is {value!r}", remedy=f"use one of {', '.join(known)}"
        )


def _check_shifts(starts_h: tuple[float, ...], handover_s: float) -> None:
    for start_h in starts_h:
        if not (math.isfinite(start_h) and 0 <= start_h < 24):
            raise SimulationRefusedError(
                f"a shift starts at {start_h:g} h", remedy="give hours of the day from 0 to 24"
            )
    if starts_h and handover_s * 2 * len(starts_h) > DAY_S:
        raise SimulationRefusedError(
            f"{len(starts_h)} handovers of {handover_s:g} s, one half of the units after the "
            "other, take more than a day",
            remedy="shorten handover_s or name fewer shift starts",
        )
