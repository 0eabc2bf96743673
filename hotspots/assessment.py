"""The published risk assessment: the only thing the allocator may know about hot spots.

A :class:`RiskAssessment` is a frozen value. ``document`` and ``from_document`` turn it into
plain JSON types and back; reading and writing files is the caller's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

SCHEMA_VERSION = "1"


@dataclass(frozen=True)
class Contribution:
    """Part of an area's expected incidents a week that comes from one source."""

    source: str
    expected_per_week: float


@dataclass(frozen=True)
class AreaScore:
    """Posterior rate of reported firearms incidents in one ward or borough.

    ``expected_per_week`` is the posterior mean, ``lower_90``/``upper_90`` the central 90 %
    interval of the rate, all in incidents a week. ``rank`` 1 is the highest mean; the rank
    interval is the central 90 % of ranks over the posterior draws. ``contributions`` sum to
    ``expected_per_week`` within 1e-9. ``coverage`` is known, partial or unknown.
    """

    code: str
    name: str
    borough_code: str
    expected_per_week: float
    lower_90: float
    upper_90: float
    rank: int
    rank_lower_90: int
    rank_upper_90: int
    probability_top_decile: float
    tier: str
    coverage: str
    contributions: tuple[Contribution, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class WardPlace:
    """Where a ward is: its code, borough, representative point (EPSG:27700) and area."""

    code: str
    name: str
    borough_code: str
    x_m: float
    y_m: float
    area_km2: float


@dataclass(frozen=True)
class BoroughLink:
    """Two boroughs that a motor vehicle can drive between, by land or river crossing."""

    code_a: str
    code_b: str
    kind: str  # land | river


@dataclass(frozen=True)
class WardLink:
    """Two wards a vehicle can drive between directly; ``distance_m`` between their centres."""

    code_a: str
    code_b: str
    kind: str  # land | river
    distance_m: float


@dataclass(frozen=True)
class EvidenceLine:
    """What one source contributed and what was set aside, for the evidence table."""

    source: str
    title: str
    accepted: int
    used: int
    discovered_shown_only: int
    stale_shown_only: int
    rejected: int
    first_day: date | None
    last_day: date | None
    coverage: str
    effective_weight: float


@dataclass(frozen=True)
class RiskAssessment:
    """One week's risk picture. Wards and boroughs are sorted by code; draws follow wards.

    Attributes
    ----------
    draws
        float32 (n_draws, n_wards): posterior draws of the weekly rate, columns in the order
        of ``wards``. A borough's draw is the sum of its wards' draws.
    wards, boroughs
        Scores of the policed areas (679 wards, 32 boroughs for London).
    places
        Ward positions, same order as ``wards``.
    """

    assessment_id: str
    as_of: date
    horizon_days: int
    timezone: str
    classification: str  # for example OFFICIAL
    notice: str  # SYNTHETIC when any input record says so, else empty
    boundary_name: str
    boundary_approximate: bool
    boundary_sha256: str
    attribution: tuple[str, ...]
    policy_version: str
    policy_sha256: str
    seed: int
    wards: tuple[AreaScore, ...]
    boroughs: tuple[AreaScore, ...]
    places: tuple[WardPlace, ...]
    borough_links: tuple[BoroughLink, ...]
    ward_links: tuple[WardLink, ...]
    evidence: tuple[EvidenceLine, ...]
    data_gaps: tuple[str, ...]
    inputs_sha256: str
    draws: NDArray[np.float32]
