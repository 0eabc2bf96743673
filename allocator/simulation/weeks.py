"""Simulate placements through the same weeks: the doors of the judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from allocator.plan import Fleet, PatrolPlan
from allocator.simulation.assumptions import (
    HOUR_S,
    SimulationAssumptions,
    check_weeks,
)
from allocator.simulation.calls import CallLog, CallStream, calls_from_draws, calls_from_log
from allocator.simulation.deployment import Deployment, deploy_plan
from allocator.simulation.duty import DutyTable, duty_table, with_days_off
from allocator.simulation.engine import Response, Trace, run_weeks
from allocator.simulation.errors import (
    OverloadError,
    SimulationRefusedError,
    UnrelatedPlanError,
)
from allocator.simulation.report import SimulationReport, Weeks, report
from allocator.simulation.special_days import SpecialDays
from allocator.simulation.week_clock import (
    USUAL_HOURS,
    USUAL_WEEK,
    WeekClock,
    clock_of_week,
)
from allocator.travel_time import TravelTime
from hotspots.assessment import RiskAssessment

Floats = NDArray[np.float64]

#: Added to the score of units from elsewhere, so that own units go first whatever the drive.
ELSEWHERE_S = 1e7
#: Calls kept in memory, over all placements: about a gigabyte.
MOST_CALLS = 10_000_000

#: ``progress(step, share)`` with the share of the step done, 0 to 1.
Progress = Callable[[str, float], None]


def simulate_plan(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    travel: TravelTime,
    *,
    weeks: int,
    seed: int,
    fleet: Fleet | None = None,
    assumptions: SimulationAssumptions | None = None,
    log: CallLog | None = None,
    special: SpecialDays | None = None,
    progress: Progress | None = None,
) -> SimulationReport:
    """Send the units of a plan to the calls of many simulated weeks.

    Parameters
    ----------
    plan, assessment, travel
        The plan, the assessment it was made from, and drive times between its wards.
    weeks, seed
        How many weeks, and the seed of all chance: one seed repeats to the byte.
    fleet
        The vehicles, for their days on duty and the standard; without it every unit is on duty
        every day and the standard is the one the plan names.
    assumptions
        Calls, service, noise and rule; documented defaults when left out.
    log
        Calls that happened, replayed instead of drawn from the assessment.
    special
        Announced events of the week; a log is replayed without them.
    progress
        Told how much is done.

    Raises
    ------
    SimulationRefusedError
        Weeks, assumptions, log or fleet cannot be simulated; see its subclasses.
    UnrelatedPlanError
        Plan, assessment, fleet and drive times do not belong together.
    OverloadError
        The calls ask for more than the fleet can give.
    """
    settings = assumptions or SimulationAssumptions()
    units = fleet.units if fleet is not None else None
    deployment = deploy_plan(plan, assessment, units=units, demand_mix=settings.demand_mix)
    standard_s, turnout_s = (
        (fleet.service_standard_s, fleet.turnout_s) if fleet is not None else standard_of(plan)
    )
    (one,) = simulate_deployments(
        [deployment],
        assessment,
        travel,
        weeks=weeks,
        seed=seed,
        service_standard_s=standard_s,
        turnout_s=turnout_s,
        assumptions=settings,
        log=log,
        special=special,
        clock=clock_of_week(plan.week),
        progress=progress,
    )
    return report(one)


def simulate_deployments(
    deployments: Sequence[Deployment],
    assessment: RiskAssessment,
    travel: TravelTime,
    *,
    weeks: int,
    seed: int,
    service_standard_s: int,
    turnout_s: int,
    assumptions: SimulationAssumptions | None = None,
    log: CallLog | None = None,
    special: SpecialDays | None = None,
    clock: WeekClock = USUAL_WEEK,
    progress: Progress | None = None,
) -> tuple[Weeks, ...]:
    """Simulate several placements through the same calls (common random numbers).

    Parameters
    ----------
    deployments
        The placements; a unit of the same name meets the same chance in each.
    assessment, travel, weeks, seed, assumptions, log, special, progress
        As for :func:`simulate_plan`.
    service_standard_s, turnout_s
        The standard, from call to first arrival, and the time before driving off.
    clock
        The hours of the week (:func:`allocator.simulation.week_clock.clock_of_week`). A log is
        replayed by the clock on the wall, on 168 hours.

    Returns
    -------
    tuple of Weeks
        Call by call, in the order of the placements; call k is the same call in each.

    Raises
    ------
    SimulationRefusedError, UnrelatedPlanError, OverloadError
        As for :func:`simulate_plan`.
    """
    settings = assumptions or SimulationAssumptions()
    special, clock = (special, clock) if log is None else (None, USUAL_WEEK)
    check_weeks(weeks)
    _check_travel(assessment, travel)
    _check_seed(seed)
    _check_standard(service_standard_s, turnout_s)
    duties = [
        duty_table(one.weekdays, settings.shift_starts_h, settings.handover_s, clock)
        for one in deployments
    ]
    responses = [_response(one, travel, turnout_s, settings) for one in deployments]
    calls_a_week = len(log.week) / log.n_weeks if log is not None else settings.calls_per_week
    extra = float(special.extra_calls.sum()) if special is not None else 0.0
    for duty in duties:
        _check_load(duty, calls_a_week + extra, turnout_s, settings)
    _check_size(weeks, calls_a_week + extra, len(deployments))
    traces: list[list[Trace]] = [[] for _ in deployments]
    done = 0
    for calls in _blocks(assessment, log, weeks, seed, settings, special=special, clock=clock):
        for number, (one, duty) in enumerate(zip(deployments, duties, strict=True)):
            out = _less_events(duty, one, special, calls)
            traces[number].append(_run(calls, one, out, responses[number]))
        done += len(calls.count)
        if progress:
            progress("Simulating weeks", done / weeks)
    index = {score.code: number for number, score in enumerate(assessment.boroughs)}
    return tuple(
        Weeks(
            n_weeks=weeks,
            seed=seed,
            trace=_joined(parts),
            unit_ids=one.unit_ids,
            events=special.names if special is not None else (),
            own=one.own,
            ward_borough=np.array([index[place.borough_code] for place in assessment.places]),
            borough_codes=tuple(index),
            borough_names=tuple(score.name for score in assessment.boroughs),
            service_standard_s=service_standard_s,
            turnout_s=turnout_s,
            assumptions=replace(settings, calls_per_week=calls_a_week),
            clock=clock,
        )
        for one, parts in zip(deployments, traces, strict=True)
    )


def _blocks(
    assessment: RiskAssessment,
    log: CallLog | None,
    weeks: int,
    seed: int,
    settings: SimulationAssumptions,
    *,
    special: SpecialDays | None,
    clock: WeekClock,
) -> Iterator[CallStream]:
    if log is not None:
        return calls_from_log(log, weeks=weeks, seed=seed, assumptions=settings)
    return calls_from_draws(
        assessment.draws,
        weeks=weeks,
        seed=seed,
        assumptions=settings,
        extra_calls=special.extra_calls if special is not None else None,
        clock=clock,
    )


def _less_events(
    duty: DutyTable, deployment: Deployment, special: SpecialDays | None, calls: CallStream
) -> DutyTable:
    """Take the units of events off the road on their days."""
    if special is None or not (any(special.committed) or any(special.taken)):
        return duty
    off = special.off(
        deployment.unit_ids,
        deployment.weekdays,
        n_weeks=len(calls.count),
        seed=calls.seed,
        block=calls.block,
    )
    return with_days_off(duty, off)


def _run(calls: CallStream, deployment: Deployment, duty: DutyTable, response: Response) -> Trace:
    patrol = np.stack(
        [
            calls.patrol_ward(unit_id, dwell)
            for unit_id, dwell in zip(deployment.unit_ids, deployment.dwell, strict=True)
        ],
        axis=2,
    )
    return run_weeks(calls, patrol, duty, response, window_s=(0.0, duty.clock.length_s))


def _response(
    deployment: Deployment, travel: TravelTime, turnout_s: int, settings: SimulationAssumptions
) -> Response:
    return Response(
        drive_s=travel.seconds,
        turnout_s=float(turnout_s),
        return_factor=settings.return_factor,
        order=_order(deployment, travel, settings),
        by_drive=settings.rule != "fixed_order",
    )


def _order(deployment: Deployment, travel: TravelTime, settings: SimulationAssumptions) -> Floats:
    """Return float (n_wards, n_units): what the rule adds to the drive in a unit's score."""
    if settings.rule == "closest":
        return np.zeros(deployment.own.shape)
    if settings.rule == "own_area_first":
        return np.where(deployment.own, 0.0, ELSEWHERE_S)
    return np.asarray((deployment.dwell @ travel.seconds).T, dtype=np.float64)


def _joined(parts: Sequence[Trace]) -> Trace:
    """Put the blocks of weeks one after the other."""
    sizes = np.cumsum([0, *(len(part.busy_s) for part in parts)])
    return Trace(
        week=np.concatenate([part.week + sizes[n] for n, part in enumerate(parts)]),
        ward=np.concatenate([part.ward for part in parts]),
        time_s=np.concatenate([part.time_s for part in parts]),
        needs_second=np.concatenate([part.needs_second for part in parts]),
        response_s=np.concatenate([part.response_s for part in parts]),
        wait_s=np.concatenate([part.wait_s for part in parts]),
        unit=np.concatenate([part.unit for part in parts]),
        busy_s=np.concatenate([part.busy_s for part in parts]),
        on_s=np.concatenate([part.on_s for part in parts]),
    )


def standard_of(plan: PatrolPlan) -> tuple[int, int]:
    """Return the service standard and the turn-out time a plan was made for, in seconds.

    Raises
    ------
    SimulationRefusedError
        The plan does not name them.
    """
    standard_s, turnout_s = (
        plan.settings.get(name) for name in ("service_standard_s", "turnout_s")
    )
    if not isinstance(standard_s, int) or not isinstance(turnout_s, int):
        raise SimulationRefusedError(
            f"plan {plan.plan_id} does not name its service standard and turn-out time",
            remedy="give the fleet file the plan was made with",
        )
    return standard_s, turnout_s


def _check_travel(assessment: RiskAssessment, travel: TravelTime) -> None:
    if travel.ward_codes != tuple(place.code for place in assessment.places):
        raise UnrelatedPlanError(
            f"the travel-time matrix ({travel.source}) covers other wards than assessment "
            f"{assessment.assessment_id}",
            remedy="give a matrix for the wards of the assessment, in its order",
        )
    if assessment.draws.ndim != 2 or assessment.draws.shape[1] != len(travel.ward_codes):
        raise SimulationRefusedError(
            f"the posterior draws of assessment {assessment.assessment_id} have shape "
            f"{assessment.draws.shape}",
            remedy=f"assess again: one column for each of the {len(travel.ward_codes)} wards",
        )


def _check_standard(service_standard_s: int, turnout_s: int) -> None:
    if turnout_s < 0 or service_standard_s <= 0:
        raise SimulationRefusedError(
            f"the standard is {service_standard_s} s with a turn-out of {turnout_s} s",
            remedy="give a standard above 0 s and a turn-out of 0 s or more",
        )


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise SimulationRefusedError(f"seed is {seed}", remedy="give a seed of 0 or more")


def _check_size(weeks: int, calls_per_week: float, n_placements: int) -> None:
    """Refuse what would not fit into memory."""
    most = int(MOST_CALLS / (calls_per_week * n_placements))
    if weeks > most:
        raise SimulationRefusedError(
            f"{weeks} weeks of {calls_per_week:g} calls under {n_placements} placements are more "
            f"than {MOST_CALLS} calls",
            remedy=f"simulate at most {max(most, 1)} weeks, or fewer calls a week",
        )


def _check_load(
    duty: DutyTable, calls_per_week: float, turnout_s: int, settings: SimulationAssumptions
) -> None:
    """Refuse calls whose work, even without any driving, exceeds the fleet's time."""
    each_s = turnout_s + settings.service_time_s
    sent_per_h = calls_per_week * (1.0 + settings.two_unit_share) / USUAL_HOURS
    done_per_h = float(duty.on_s.sum()) / duty.clock.length_s * HOUR_S / each_s
    if sent_per_h < done_per_h:
        return
    growth = (sent_per_h - done_per_h) / (1.0 + settings.two_unit_share)
    raise OverloadError(
        f"overload: {calls_per_week:g} calls a week need {sent_per_h:.3g} units an hour, but "
        f"the fleet finishes at most {done_per_h:.3g} an hour even without driving: the queue "
        f"grows by {growth:.3g} calls an hour or more",
        remedy="give fewer calls a week, a shorter service time, or more units",
        growth_per_h=growth,
    )
