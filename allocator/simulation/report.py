"""What simulated weeks say of one placement: figures with intervals, for people and programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocator.simulation.assumptions import RULE_WORDS, SimulationAssumptions
from allocator.simulation.engine import Trace
from allocator.simulation.intervals import Estimate, quantile, share
from allocator.simulation.week_clock import USUAL_HOURS, USUAL_WEEK, WeekClock

SCHEMA_VERSION = "1"
DECIMALS = 9  # of every figure: the same input gives the same bytes
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class UnitUse:
    """What one unit did: the share of its time on the road spent on calls, and calls a week."""

    unit_id: str
    utilisation: Estimate | None
    calls_per_week: float
    own_area_share: float | None


@dataclass(frozen=True)
class BoroughResponse:
    """How the calls of one borough were answered. No share where no call came."""

    code: str
    name: str
    calls: int
    share_within: Estimate | None


@dataclass(frozen=True)
class SimulationReport:
    """Simulated weeks of one placement.

    Attributes
    ----------
    weeks, seed, calls, calls_per_week
        What was simulated.
    service_standard_s, turnout_s
        The standard, from call to first arrival, and the time before driving off.
    share_within
        Share of calls with a first arrival within the standard; ``share_by_week`` holds the
        middle 95 % of single weeks.
    median_response_s, p90_response_s
        Quantiles of the time from call to first arrival over all calls.
    queued_share, mean_queued_wait_s
        Share of calls that waited for a unit, and how long those waited.
    unserved_share
        Share of calls no unit had set out to when the simulated week ended.
    own_area_share
        Share of calls whose first unit was in its own area.
    fleet_utilisation
        Share of all time on the road spent on calls.
    hours_in_week
        168, or 167 and 169 where the clocks change.
    events
        Names of the announced events simulated.
    units, boroughs, worst_borough
        By unit; by borough; and the borough with the lowest share (chosen after the event,
        so its share is a little too low when weeks are few).
    """

    weeks: int
    seed: int
    calls: int
    calls_per_week: float
    service_standard_s: int
    turnout_s: int
    share_within: Estimate
    share_by_week: tuple[float, float]
    median_response_s: Estimate | None
    p90_response_s: Estimate | None
    queued_share: Estimate
    mean_queued_wait_s: float | None
    unserved_share: Estimate
    own_area_share: Estimate
    fleet_utilisation: Estimate
    events: tuple[str, ...]
    units: tuple[UnitUse, ...]
    boroughs: tuple[BoroughResponse, ...]
    worst_borough: BoroughResponse
    assumptions: SimulationAssumptions
    hours_in_week: int = USUAL_HOURS


@dataclass(frozen=True)
class Weeks:
    """The simulated weeks of one placement, call by call.

    Attributes
    ----------
    n_weeks, seed
        How many weeks, and the seed they were drawn from.
    trace
        Every call in order of week and time.
    unit_ids
        The units in order.
    events
        Names of the announced events simulated.
    own
        bool (n_wards, n_units): whether a ward lies in the unit's area.
    ward_borough
        int (n_wards,): position of the borough.
    borough_codes, borough_names
        The boroughs in order.
    service_standard_s, turnout_s, assumptions, clock
        As simulated.
    """

    n_weeks: int
    seed: int
    trace: Trace
    unit_ids: tuple[str, ...]
    events: tuple[str, ...]
    own: NDArray[np.bool_]
    ward_borough: NDArray[np.intp]
    borough_codes: tuple[str, ...]
    borough_names: tuple[str, ...]
    service_standard_s: int
    turnout_s: int
    assumptions: SimulationAssumptions
    clock: WeekClock = USUAL_WEEK

    def within(self) -> NDArray[np.bool_]:
        """Return, for every call, whether the first arrival was within the standard."""
        return np.asarray(self.trace.response_s <= self.service_standard_s, dtype=np.bool_)

    def by_week(self, chosen: NDArray[np.bool_] | None = None) -> Floats:
        """Return float (n_weeks,): how many calls, or chosen calls, each week has."""
        week = self.trace.week if chosen is None else self.trace.week[chosen]
        return np.bincount(week, minlength=self.n_weeks).astype(np.float64)


def report(weeks: Weeks) -> SimulationReport:
    """Put simulated weeks into figures with 95 % intervals over the weeks."""
    trace, within, calls = weeks.trace, weeks.within(), weeks.by_week()
    queued = np.isfinite(trace.wait_s) & (trace.wait_s > 0)
    unserved = ~(trace.time_s + trace.wait_s <= weeks.clock.length_s)
    at_home = (trace.unit >= 0) & weeks.own[trace.ward, trace.unit]
    boroughs = _boroughs(weeks, within, calls)
    asked = [one for one in boroughs if one.share_within is not None]
    waits_s = trace.wait_s[queued]
    return SimulationReport(
        weeks=weeks.n_weeks,
        seed=weeks.seed,
        calls=len(trace.week),
        calls_per_week=len(trace.week) / weeks.n_weeks,
        service_standard_s=weeks.service_standard_s,
        turnout_s=weeks.turnout_s,
        share_within=_certain(share(weeks.by_week(within), calls)),
        share_by_week=_middle(weeks.by_week(within), calls),
        median_response_s=quantile(trace.response_s, trace.week, weeks.n_weeks, 0.5),
        p90_response_s=quantile(trace.response_s, trace.week, weeks.n_weeks, 0.9),
        queued_share=_certain(share(weeks.by_week(queued), calls)),
        mean_queued_wait_s=float(waits_s.mean()) if len(waits_s) else None,
        unserved_share=_certain(share(weeks.by_week(unserved), calls)),
        own_area_share=_certain(share(weeks.by_week(at_home), calls)),
        fleet_utilisation=_certain(share(trace.busy_s.sum(axis=1), trace.on_s.sum(axis=1))),
        events=weeks.events,
        units=_units(weeks, at_home),
        boroughs=boroughs,
        worst_borough=min(asked, key=_share_of),
        assumptions=weeks.assumptions,
        hours_in_week=len(weeks.clock.clock_hours),
    )


def document(result: SimulationReport) -> dict[str, Any]:
    """Return a report as plain JSON types; nothing in it tells the time, a path or a host."""
    body = {"schema_version": SCHEMA_VERSION, **rounded(asdict(result))}
    body["assumptions"]["rule_in_words"] = RULE_WORDS[result.assumptions.rule]
    return body


def rounded(value: Any) -> Any:
    """Return plain JSON types with every figure rounded to nine decimals."""
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0  # no negative zero
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(entry) for entry in value]
    return value


def _boroughs(
    weeks: Weeks, within: NDArray[np.bool_], calls: Floats
) -> tuple[BoroughResponse, ...]:
    size = len(weeks.borough_codes)
    cell = weeks.trace.week * size + weeks.ward_borough[weeks.trace.ward]
    shape = (len(calls), size)
    came = np.bincount(cell, minlength=shape[0] * size).reshape(shape).astype(np.float64)
    met = np.bincount(cell[within], minlength=shape[0] * size).reshape(shape).astype(np.float64)
    return tuple(
        BoroughResponse(code, name, int(came[:, n].sum()), share(met[:, n], came[:, n]))
        for n, (code, name) in enumerate(zip(weeks.borough_codes, weeks.borough_names, strict=True))
    )


def _units(weeks: Weeks, at_home: NDArray[np.bool_]) -> tuple[UnitUse, ...]:
    trace, size = weeks.trace, len(weeks.unit_ids)
    sent = np.bincount(trace.unit[trace.unit >= 0], minlength=size)
    home = np.bincount(trace.unit[at_home], minlength=size)
    return tuple(
        UnitUse(
            unit_id,
            share(trace.busy_s[:, n], trace.on_s[:, n]),
            float(sent[n]) / weeks.n_weeks,
            float(home[n]) / float(sent[n]) if sent[n] else None,
        )
        for n, unit_id in enumerate(weeks.unit_ids)
    )


def _middle(part: Floats, whole: Floats) -> tuple[float, float]:
    """Return the middle 95 % of the shares of single weeks that had a call."""
    shares = np.sort(part[whole > 0] / whole[whole > 0])
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(low), float(high)


def _share_of(borough: BoroughResponse) -> float:
    return borough.share_within.value if borough.share_within else 1.0


def _certain(estimate: Estimate | None) -> Estimate:
    return estimate or Estimate(0.0, None, None)
