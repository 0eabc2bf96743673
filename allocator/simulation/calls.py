"""Streams of calls: from the posterior of an assessment, or from a log of what happened.

A stream does not depend on any plan. Every random quantity is tied to its call (service time,
traffic on the way) or to a call and a unit's name (where that unit would be found), never to the
order in which a plan uses them: plans simulated on one stream meet the same week (common random
numbers), and the difference between them is theirs.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from allocator.simulation.assumptions import HOUR_S, WEEK_S, SimulationAssumptions
from allocator.simulation.errors import SimulationRefusedError
from allocator.simulation.week_clock import USUAL_HOURS, USUAL_WEEK, WeekClock

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

WEEKS_AT_ONCE = 250
MAX_CALLS_AT_ONCE = 2_000_000  # calls of one block of weeks, padding included
_CALLS, _PATROL = 0, 1  # what a stream of random numbers is for


@dataclass(frozen=True)
class CallStream:
    """The calls of a block of weeks, in columns from the week with most calls to the fewest.

    Attributes
    ----------
    seed, block
        What the stream was drawn from.
    count
        int (n_weeks,): calls of each week, descending.
    time_s
        float (n_calls_max, n_weeks): seconds after Monday 00:00, ascending within a week,
        infinity beyond the week's count.
    ward
        int (n_calls_max, n_weeks): position of the ward.
    needs_second
        bool (n_calls_max, n_weeks): whether a second unit is sent as well.
    service_s, drive_factor
        float (2, n_calls_max, n_weeks): time on the call, and actual over typical drive, of
        the first and the second unit.
    """

    seed: int
    block: int
    count: Integers
    time_s: Floats
    ward: Integers
    needs_second: NDArray[np.bool_]
    service_s: Floats
    drive_factor: Floats

    def patrol_ward(self, unit_id: str, dwell: Floats) -> Integers:
        """Return where a unit would be found on patrol at the moment of each call.

        Parameters
        ----------
        unit_id
            Names the stream of random numbers: the same in every plan and fleet.
        dwell
            (n_wards,) share of patrol time in each ward, with a positive sum.

        Returns
        -------
        ndarray
            int (n_calls_max, n_weeks): position of the ward.
        """
        name = zlib.crc32(unit_id.encode())
        chance = block_random(self.seed, self.block, _PATROL, name).random(self.time_s.shape)
        places = np.flatnonzero(dwell)
        upto = np.cumsum(dwell[places])
        found = np.searchsorted(upto / upto[-1], chance, side="right")
        return places[np.minimum(found, len(places) - 1)]


@dataclass(frozen=True)
class CallLog:
    """Calls that happened, in whole weeks.

    Attributes
    ----------
    week
        int (n_calls,): number of the week, 0 to n_weeks - 1.
    time_s
        float (n_calls,): seconds after that week's Monday 00:00.
    ward
        int (n_calls,): position of the ward in the assessment.
    n_weeks
        Weeks in the log, those without a call included.
    """

    week: Integers
    time_s: Floats
    ward: Integers
    n_weeks: int

    def __post_init__(self) -> None:
        if not len(self.week):
            raise SimulationRefusedError(
                "the log holds 0 calls", remedy="give a log with at least one call"
            )
        wrong = np.flatnonzero(
            ~((self.time_s >= 0) & (self.time_s < WEEK_S))
            | (self.week < 0)
            | (self.week >= self.n_weeks)
        )
        if len(wrong):
            row = int(wrong[0])
            raise SimulationRefusedError(
                f"call {row + 1} of the log is at {self.time_s[row]:g} s of week {self.week[row]}",
                remedy=f"give seconds from 0 to {WEEK_S:g} and weeks from 0 to {self.n_weeks - 1}",
            )


def calls_from_draws(
    draws: NDArray[np.float32],
    *,
    weeks: int,
    seed: int,
    assumptions: SimulationAssumptions,
    hour_profile: Floats | None = None,
    extra_calls: Floats | None = None,
    clock: WeekClock = USUAL_WEEK,
) -> Iterator[CallStream]:
    """Draw calls from posterior draws of the weekly rate, block by block.

    Every simulated week takes one row of the draws, scaled so that the mean over all rows is
    ``assumptions.calls_per_week``; its calls are Poisson by ward, so a week varies by chance
    and by what the assessment does not know. A week of another length than 168 hours has calls
    in proportion to its hours.

    Parameters
    ----------
    draws
        (n_draws, n_wards) rates, >= 0, not all zero.
    weeks, seed
        How many weeks, and the seed they are drawn from.
    hour_profile
        (168,) relative rate of the hours from Monday 00:00 by the clock; even when left out.
    extra_calls
        (7, n_wards) calls expected beyond these on each weekday, evenly over the day.
    clock
        The hours of the week.

    Raises
    ------
    SimulationRefusedError
        No rate is above 0, a rate is negative or not finite, or the profile is wrong.
    """
    rates = np.asarray(draws, dtype=np.float64)
    total = float(rates.sum(axis=1).mean()) if rates.size else 0.0
    if not (np.isfinite(rates).all() and (rates >= 0).all() and total > 0):
        raise SimulationRefusedError(
            f"the posterior draws expect {total:g} incidents a week, or hold a rate that is "
            "negative or no number, so no calls can be drawn",
            remedy="assess again with records that give the wards a rate",
        )
    profile, level = _in_week(_checked_profile(hour_profile), clock)
    upto = np.cumsum(rates, axis=1)
    scale = assumptions.calls_per_week / total * level
    for block, first in enumerate(range(0, weeks, WEEKS_AT_ONCE)):
        size = min(WEEKS_AT_ONCE, weeks - first)
        random = block_random(seed, block, _CALLS)
        row = random.integers(0, len(rates), size)
        usual = random.poisson(upto[row, -1] * scale)
        count = usual if extra_calls is None else usual + random.poisson(extra_calls.sum(), size)
        order = np.argsort(-count, kind="stable")
        row, usual, count = row[order], usual[order], count[order]
        shape = _checked_shape(int(count[0]), size)
        chance = random.random(shape)
        ward = np.empty(shape, dtype=np.intp)
        for week in range(size):
            ward[:, week] = _found(upto[row[week]], chance[:, week])
        time_s = _times(random, shape, profile, clock)
        if extra_calls is not None:
            beyond = np.arange(shape[0])[:, None] >= usual[None, :]
            time_s, ward = _with_extra(random, time_s, ward, beyond, extra_calls, clock=clock)
        happened = _Happened(seed, block, count, time_s, ward)
        yield _stream(random, happened, assumptions)


def calls_from_log(
    log: CallLog, *, weeks: int, seed: int, assumptions: SimulationAssumptions
) -> Iterator[CallStream]:
    """Replay a log: its weeks in turn, again and again, each time with fresh chance.

    The calls are those of the log; patrol positions, drive times, service times and which
    calls need a second unit are drawn anew.
    """
    order = np.lexsort((log.time_s, log.week))
    week, moment_s, place = log.week[order], log.time_s[order], log.ward[order]
    start = np.searchsorted(week, np.arange(log.n_weeks + 1))
    for block, first in enumerate(range(0, weeks, WEEKS_AT_ONCE)):
        numbers = np.arange(first, min(first + WEEKS_AT_ONCE, weeks)) % log.n_weeks
        count = np.diff(start)[numbers]
        descending = np.argsort(-count, kind="stable")
        numbers, count = numbers[descending], count[descending]
        shape = _checked_shape(int(count[0]), len(numbers))
        time_s, ward = np.full(shape, np.inf), np.zeros(shape, dtype=np.intp)
        for column, number in enumerate(numbers):
            calls = slice(start[number], start[number + 1])
            time_s[: count[column], column] = moment_s[calls]
            ward[: count[column], column] = place[calls]
        happened = _Happened(seed, block, count, time_s, ward)
        yield _stream(block_random(seed, block, _CALLS), happened, assumptions)


@dataclass(frozen=True)
class _Happened:
    """When and where the calls of a block of weeks are, before the rest is drawn."""

    seed: int
    block: int
    count: Integers
    time_s: Floats
    ward: Integers


def _stream(
    random: np.random.Generator, calls: _Happened, assumptions: SimulationAssumptions
) -> CallStream:
    """Add what is drawn for each call whichever plan meets it."""
    shape = calls.time_s.shape
    past = np.arange(shape[0])[:, None] >= calls.count[None, :]
    time_s = np.where(past, np.inf, calls.time_s)
    order = time_s.argsort(axis=0, kind="stable")
    needs_second = random.random(shape) < assumptions.two_unit_share
    service_s = _service(random.random((2, *shape)), assumptions)
    noise = random.standard_normal((2, *shape))
    return CallStream(
        seed=calls.seed,
        block=calls.block,
        count=np.asarray(calls.count, dtype=np.intp),
        time_s=np.take_along_axis(time_s, order, axis=0),
        ward=np.take_along_axis(calls.ward, order, axis=0),
        needs_second=needs_second,
        service_s=service_s,
        drive_factor=np.exp(assumptions.travel_noise * noise),
    )


def _service(chance: Floats, assumptions: SimulationAssumptions) -> Floats:
    """Return service times with the assumed mean and shape, by inversion."""
    mean_s = assumptions.service_time_s
    if assumptions.service_shape == "fixed":
        return np.full(chance.shape, mean_s)
    if assumptions.service_shape == "exponential":
        return np.asarray(-mean_s * np.log1p(-chance), dtype=np.float64)
    spread = np.sqrt(np.log1p(assumptions.service_variation**2))
    normal = ndtri(np.maximum(chance, np.finfo(np.float64).tiny))
    return np.asarray(mean_s * np.exp(spread * normal - spread**2 / 2), dtype=np.float64)


def _times(
    random: np.random.Generator, shape: tuple[int, int], profile: Floats | None, clock: WeekClock
) -> Floats:
    chance = random.random(shape)
    if profile is None:
        return chance * clock.length_s
    edges = np.concatenate([[0.0], np.cumsum(profile) / profile.sum()])
    hours_s = np.arange(len(profile) + 1) * HOUR_S
    return np.asarray(np.interp(chance, edges, hours_s), dtype=np.float64)


def _with_extra(
    random: np.random.Generator,
    time_s: Floats,
    ward: Integers,
    beyond: NDArray[np.bool_],
    extra_calls: Floats,
    *,
    clock: WeekClock,
) -> tuple[Floats, Integers]:
    """Give the calls beyond the usual ones the day and ward of an event; sort by time."""
    cell = _found(np.cumsum(extra_calls.ravel()), random.random(int(beyond.sum())))
    day, place = np.divmod(cell, extra_calls.shape[1])
    time_s, ward = time_s.copy(), ward.copy()
    start_s, length_s = clock.day_edges_s[:-1], np.diff(clock.day_edges_s)
    time_s[beyond] = start_s[day] + random.random(len(cell)) * length_s[day]
    ward[beyond] = place
    return time_s, ward


def _found(upto: Floats, chance: Floats) -> Integers:
    """Return positions drawn in proportion to the steps of a cumulative sum."""
    found = np.searchsorted(upto, chance * upto[-1], side="right")
    return np.asarray(np.minimum(found, len(upto) - 1), dtype=np.intp)


def _checked_profile(profile: Floats | None) -> Floats | None:
    if profile is None:
        return None
    if profile.shape != (USUAL_HOURS,) or not (profile >= 0).all() or not profile.sum() > 0:
        raise SimulationRefusedError(
            f"the hour profile has shape {profile.shape} or a value that is no rate",
            remedy=f"give {USUAL_HOURS} rates of 0 or more from Monday 00:00, one above 0",
        )
    return profile


def _in_week(profile: Floats | None, clock: WeekClock) -> tuple[Floats | None, float]:
    """Return the profile of the hours that pass, and their calls over those of 168 hours."""
    hours = list(clock.clock_hours)
    if profile is None:
        return None, len(hours) / USUAL_HOURS
    return profile[hours], float(profile[hours].sum() / profile.sum())


def _checked_shape(n_calls: int, n_weeks: int) -> tuple[int, int]:
    if n_calls * n_weeks > MAX_CALLS_AT_ONCE:
        raise SimulationRefusedError(
            f"a week of {n_calls} calls is too large to simulate {n_weeks} weeks at once",
            remedy=f"give at most {MAX_CALLS_AT_ONCE // WEEKS_AT_ONCE} calls a week",
        )
    return max(n_calls, 1), n_weeks


def block_random(seed: int, block: int, *purpose: int) -> np.random.Generator:
    """Return the random numbers of a block of weeks for one purpose."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(block, *purpose)))
