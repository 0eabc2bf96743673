"""Expected coverage: how likely a free unit reaches each ward within the service standard.

MEXCLP (Daskin 1983) for units that patrol an area instead of waiting at a base. With A the
chance that a free unit of an area reaches a ward in time, f its share of days on duty and q
the busy fraction, units that are busy independently of each other reach the ward with

    1 - prod over units of (1 - f (1 - q) A) = 1 - exp(-sum of exposures),
    exposure = -log(1 - f (1 - q) A).

For A in {0, 1} this is MEXCLP's 1 - q^k exactly. The usual extension, which fills the
levels k with the *sum* of fractional A, overstates coverage (Jensen's inequality): by an
eighth on London. Exposures add up over units, and the coverage is concave in their sum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from allocator.errors import FleetRefusedError, PlanningRefusedError
from allocator.plan import Fleet
from allocator.settings import PlanSettings
from allocator.travel_time import TravelTime
from hotspots.assessment import RiskAssessment

Floats = NDArray[np.float64]


def demand_shares(assessment: RiskAssessment) -> Floats:
    """Each ward's share of the expected reported incidents.

    Returns
    -------
    ndarray
        float (n_wards,), >= 0, sums to 1, in the order of ``assessment.wards``.

    Raises
    ------
    PlanningRefusedError
        A rate is negative or not a number, all are zero, or scores and places disagree.
    """
    if tuple(ward.code for ward in assessment.wards) != tuple(
        place.code for place in assessment.places
    ):
        raise PlanningRefusedError(
            f"assessment {assessment.assessment_id} scores {len(assessment.wards)} wards but "
            f"places {len(assessment.places)}, or in another order",
            remedy="assess again: wards and places must be the same, sorted by code",
        )
    for ward in assessment.wards:
        if not (np.isfinite(ward.expected_per_week) and ward.expected_per_week >= 0):
            raise PlanningRefusedError(
                f"ward {ward.code} ({ward.name}) expects {ward.expected_per_week} incidents a "
                "week, which is not a rate of 0 or more",
                remedy="assess again from records that give every ward a rate",
            )
    rates = np.array([ward.expected_per_week for ward in assessment.wards], dtype=np.float64)
    if not rates.size or rates.sum() <= 0:
        raise PlanningRefusedError(
            f"assessment {assessment.assessment_id} expects no incident anywhere, so every "
            "placement would be equally good",
            remedy="assess with records that cover at least one ward",
        )
    shares: Floats = rates / rates.sum()
    return shares


def drive_limit_s(fleet: Fleet) -> int:
    """Seconds left for driving: the service standard less the turn-out time.

    Raises
    ------
    FleetRefusedError
        The standard leaves no time to drive.
    """
    if fleet.turnout_s < 0 or fleet.service_standard_s <= fleet.turnout_s:
        raise FleetRefusedError(
            f"service_standard_s {fleet.service_standard_s} leaves no time to drive after "
            f"turnout_s {fleet.turnout_s}",
            remedy="set service_standard_s above turnout_s, and turnout_s to 0 or more",
        )
    return fleet.service_standard_s - fleet.turnout_s


def reach_probability(travel: TravelTime, limit_s: float, settings: PlanSettings) -> Floats:
    """Chance that a drive takes at most ``limit_s``, gradual around it.

    Drive times are lognormal around the typical time of the matrix with logarithmic standard
    deviation ``settings.travel_noise``; a chance below ``settings.negligible_reach`` is 0.

    Returns
    -------
    ndarray
        float (n_wards, n_wards), from row ward to column ward.
    """
    with np.errstate(divide="ignore"):  # a drive of 0 s is always in time
        margin = (np.log(limit_s) - np.log(travel.seconds)) / settings.travel_noise
    chance = ndtr(margin)
    return np.where(chance < settings.negligible_reach, 0.0, chance)


def patrol_weights(demand: Floats, area_km2: Floats, demand_mix: float) -> Floats:
    """Relative time a patrolling unit spends in each ward, before its area is known.

    Returns
    -------
    ndarray
        float (n_wards,), > 0 where there is ground, sums to 1: ``demand_mix`` in proportion
        to demand, the rest in proportion to ground.
    """
    weights: Floats = demand_mix * demand + (1.0 - demand_mix) * area_km2 / area_km2.sum()
    return weights


def borough_reach(chance: Floats, weights: Floats, borough_of_ward: NDArray[np.intp]) -> Floats:
    """Patrol-weighted chance to reach each ward from each borough.

    Returns
    -------
    ndarray
        float (n_wards, n_boroughs): the sum over the borough's wards of weight x chance.
    """
    n_boroughs = int(borough_of_ward.max()) + 1
    spread = np.zeros((len(weights), n_boroughs))
    spread[np.arange(len(weights)), borough_of_ward] = weights
    return np.asarray(chance.T @ spread, dtype=np.float64)


def area_reach(reach_from_borough: Floats, borough_weight: Floats, members: Floats) -> Floats:
    """Chance that a free unit somewhere in its area reaches each ward in time.

    Parameters
    ----------
    reach_from_borough
        (n_wards, n_boroughs), from :func:`borough_reach`.
    borough_weight
        (n_boroughs,) sum of patrol weights.
    members
        (n_boroughs, n_areas) 1 where the area holds the borough.

    Returns
    -------
    ndarray
        float (n_wards, n_areas) in [0, 1].
    """
    return np.clip((reach_from_borough @ members) / (borough_weight @ members), 0.0, 1.0)


def exposure(reach: Floats, duty_share: Floats | float, busy_fraction: Floats | float) -> Floats:
    """Exposure of each ward to a unit: ``-log(1 - duty_share (1 - busy_fraction) reach)``."""
    return -np.log1p(-duty_share * (1.0 - busy_fraction) * reach)


def expected_coverage(demand: Floats, total_exposure: Floats) -> float:
    """Return the expected share of demand reached in time, in [0, 1]."""
    return float(-(demand @ np.expm1(-total_exposure)))
