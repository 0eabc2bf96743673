"""Which wards of its area a vehicle emphasises in each shift of the week, drawn at random.

The default area stays what the plan says; only the emphasis within it varies, so that nobody
can read the week off the map. For one vehicle with wards w, shifts s and m wards a shift:

    target[w] = 1 + (m S - W) r[w] / sum r     every ward once, the rest by expected rate,
                                               at most once a shift (the excess is shared out)
    count[w]  = target[w] rounded at random up or down (systematic sampling: the total is exact
                and the expected count is the target)
    x[w,s]    drawn among all 0/1 tables with these row sums and m wards in every shift, by
              curveball trades (Strona et al. 2014), whose limit is uniform
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allocator.errors import PlanningRefusedError, PlanVerificationError
from allocator.plan import PatrolPlan, UnitPlacement
from allocator.tpu.document import plain
from hotspots.assessment import RiskAssessment

SCHEMA_VERSION = "1"
SHIFTS = ("early", "late", "night")
MAX_SHIFTS = 6
DAYS = 7
#: Without a number of wards a shift, so many times what visiting every ward once takes.
ROOM = 2
#: Trades for every ward: enough that the start is forgotten.
TRADES_A_WARD = 40
MAX_SEED = 2**63

Floats = NDArray[np.float64]


class EmphasisRefusedError(PlanningRefusedError):
    """The emphasis is asked for in a way that cannot be kept."""


@dataclass(frozen=True)
class EmphasisShift:
    """The wards that one vehicle emphasises in one shift, sorted by code."""

    day: date
    shift: str
    wards: tuple[str, ...]


@dataclass(frozen=True)
class WardEmphasis:
    """One ward over the week: expected incidents a week, target and drawn number of shifts.

    ``chance`` is the share of the shifts in which the ward is emphasised: how often a guess at
    this ward is right.
    """

    code: str
    name: str
    expected_per_week: float
    target: float
    shifts: int
    chance: float


@dataclass(frozen=True)
class UnitEmphasis:
    """The week of one vehicle: its wards by code, its shifts in order."""

    unit_id: str
    wards_per_shift: int
    wards: tuple[WardEmphasis, ...]
    shifts: tuple[EmphasisShift, ...]


@dataclass(frozen=True)
class WeekEmphasis:
    """The emphasis of every vehicle over the week, with the seed that repeats it."""

    emphasis_id: str
    week: str
    plan_id: str
    assessment_id: str
    classification: str
    notice: str
    seed: int
    shift_names: tuple[str, ...]
    units: tuple[UnitEmphasis, ...]


def emphasise(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    *,
    seed: int,
    shift_names: Sequence[str] = SHIFTS,
    wards_per_shift: int | None = None,
    on_duty: Mapping[str, tuple[int, ...]] | None = None,
) -> WeekEmphasis:
    """Draw the wards that every vehicle emphasises in each shift of the plan's week.

    Parameters
    ----------
    plan, assessment
        The plan and the assessment it was made from.
    seed
        Of the draw, 0 or more; every vehicle has its own stream of it.
    shift_names
        Shifts of a day, in order.
    wards_per_shift
        Wards to emphasise in a shift, at most all of an area; without it twice as many as
        visiting every ward once takes.
    on_duty
        Weekdays (0 = Monday) of each unit; every day where a unit is not named.

    Raises
    ------
    EmphasisRefusedError
        The plan belongs to another assessment, the shifts or the seed cannot be used, or there
        are too few wards a shift to visit every ward of an area in the week.
    PlanVerificationError
        The result failed its check: a defect.
    """
    _check(plan, assessment, seed, shift_names, wards_per_shift)
    units = tuple(
        _unit(
            unit,
            assessment,
            _shifts(plan.week, shift_names, (on_duty or {}).get(unit.unit_id)),
            wards_per_shift,
            np.random.default_rng([seed, *unit.unit_id.encode()]),
        )
        for unit in plan.units
    )
    result = WeekEmphasis(
        emphasis_id="",
        week=plan.week,
        plan_id=plan.plan_id,
        assessment_id=assessment.assessment_id,
        classification=assessment.classification,
        notice=assessment.notice,
        seed=seed,
        shift_names=tuple(shift_names),
        units=units,
    )
    _verify(result, plan)
    text = json.dumps(document(result), sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return replace(result, emphasis_id=f"{plan.week}-{digest[:16]}")


def document(emphasis: WeekEmphasis) -> dict[str, Any]:
    """Return the emphasis as plain JSON types, figures rounded to nine decimals."""
    return {"schema_version": SCHEMA_VERSION, **plain(emphasis)}


def targets(rates: Floats, n_shifts: int, wards_per_shift: int) -> Floats:
    """Return the expected number of shifts of each ward, float (n_wards,).

    Every ward once, the rest in proportion to ``rates`` (evenly when all are 0), at most
    ``n_shifts``; they sum to ``n_shifts * wards_per_shift``.
    """
    target = np.ones(len(rates))
    weights = rates if rates.sum() > 0 else np.ones(len(rates))
    while True:
        left = n_shifts * wards_per_shift - target.sum()
        open_wards = (target < n_shifts) & (weights > 0)
        if not open_wards.any():
            open_wards, weights = target < n_shifts, np.ones(len(rates))
        if left <= 1e-9 * n_shifts or not open_wards.any():
            return target
        share = np.where(open_wards, weights, 0.0)
        target = np.minimum(target + left * share / share.sum(), n_shifts)


def _unit(
    unit: UnitPlacement,
    assessment: RiskAssessment,
    shifts: Sequence[tuple[date, str]],
    wards_per_shift: int | None,
    rng: np.random.Generator,
) -> UnitEmphasis:
    scores = {score.code: score for score in assessment.wards}
    wards = [scores[code] for code in unit.wards]
    least = math.ceil(len(wards) / len(shifts))
    size = min(len(wards), wards_per_shift or math.ceil(ROOM * len(wards) / len(shifts)))
    if size < least:
        raise EmphasisRefusedError(
            f"{unit.unit_id} has {len(wards)} wards and {len(shifts)} shifts: {size} wards a shift "
            "do not visit every ward in the week",
            remedy=f"emphasise at least {least} wards a shift",
        )
    target = targets(np.array([ward.expected_per_week for ward in wards]), len(shifts), size)
    counts = _rounded(target, rng)
    table = _table(counts, len(shifts), rng)
    return UnitEmphasis(
        unit_id=unit.unit_id,
        wards_per_shift=size,
        wards=tuple(
            WardEmphasis(
                code=ward.code,
                name=ward.name,
                expected_per_week=ward.expected_per_week,
                target=float(target[number]),
                shifts=int(counts[number]),
                chance=float(counts[number] / len(shifts)),
            )
            for number, ward in enumerate(wards)
        ),
        shifts=tuple(
            EmphasisShift(day, name, tuple(wards[w].code for w in np.flatnonzero(table[:, s])))
            for s, (day, name) in enumerate(shifts)
        ),
    )


def _rounded(target: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Round each target up or down at random, keeping the total (systematic sampling)."""
    order = rng.permutation(len(target))
    ends = np.cumsum(target[order]) + rng.random() * (1 - 1e-8)  # never the next whole number
    whole = np.floor(ends + 1e-9).astype(np.int64)
    counts = np.diff(whole, prepend=0)
    result = np.empty(len(target), dtype=np.int64)
    result[order] = counts
    return result


def _table(counts: NDArray[np.int64], n_shifts: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return bool (n_wards, n_shifts) with these row sums and equal column sums."""
    slots = np.arange(counts.sum()) % n_shifts  # wrapped round: a ward never twice in a shift
    wards = np.repeat(np.arange(len(counts)), counts)
    table = np.zeros((len(counts), n_shifts), dtype=np.bool_)
    table[wards, slots] = True
    for _ in range(TRADES_A_WARD * len(counts) if len(counts) > 1 else 0):
        one, other = rng.choice(len(counts), size=2, replace=False)
        apart = np.flatnonzero(table[one] != table[other])
        mixed = rng.permutation(table[one, apart])
        table[one, apart], table[other, apart] = mixed, ~mixed
    return table[:, rng.permutation(n_shifts)]


def _shifts(
    week: str, names: Sequence[str], weekdays: tuple[int, ...] | None
) -> list[tuple[date, str]]:
    year, number = week.split("-W")
    monday = date.fromisocalendar(int(year), int(number), 1)
    days = range(DAYS) if weekdays is None else weekdays
    return [(monday + timedelta(days=day), name) for day in days for name in names]


def _check(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    seed: int,
    shift_names: Sequence[str],
    wards_per_shift: int | None,
) -> None:
    if plan.assessment_id != assessment.assessment_id:
        raise EmphasisRefusedError(
            f"the plan was made from assessment {plan.assessment_id}, given is "
            f"{assessment.assessment_id}",
            remedy="give the assessment that the plan names",
        )
    if not 0 <= seed < MAX_SEED:
        raise EmphasisRefusedError(
            f"the seed is {seed}", remedy="give a whole number from 0 to 2^63-1"
        )
    if not 1 <= len(shift_names) <= MAX_SHIFTS or len(set(shift_names)) < len(shift_names):
        raise EmphasisRefusedError(
            f"the shifts are {list(shift_names)}",
            remedy=f"name 1 to {MAX_SHIFTS} different shifts of a day",
        )
    if wards_per_shift is not None and wards_per_shift < 1:
        raise EmphasisRefusedError(
            f"{wards_per_shift} wards a shift", remedy="emphasise at least 1 ward a shift"
        )


def _verify(emphasis: WeekEmphasis, plan: PatrolPlan) -> None:
    """Every ward of the area at least once, only its wards, the same number in every shift."""
    areas = {unit.unit_id: list(unit.wards) for unit in plan.units}
    for unit in emphasis.units:
        seen = [code for shift in unit.shifts for code in shift.wards]
        sizes = {len(set(shift.wards)) for shift in unit.shifts}
        counts = {ward.code: ward.shifts for ward in unit.wards}
        if (
            sorted(set(seen)) != sorted(areas[unit.unit_id])
            or sizes != {unit.wards_per_shift}
            or any(seen.count(code) != count for code, count in counts.items())
        ):
            raise PlanVerificationError(
                f"the emphasis of {unit.unit_id} failed its check",
                remedy="do not use it, and report this as a defect with the plan and the seed",
            )
