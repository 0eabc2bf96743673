"""The published risk assessment: the only thing the allocator may know about hot spots.

A :class:`RiskAssessment` is a frozen value. ``document`` and ``from_document`` turn it into
plain JSON types and back; reading and writing files is the caller's work.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotspots.findings import EmergingCluster, HotSpot, NeighbourhoodTest
from hotspots.plain_values import malformed, plain_fields, read_fields, read_object, rounded
from hotspots.situation import AreaView, SituationalView

__all__ = [
    "SCHEMA_VERSION",
    "AreaScore",
    "AreaView",
    "BoroughLink",
    "Contribution",
    "EmergingCluster",
    "EvidenceLine",
    "GroupScore",
    "HotSpot",
    "NeighbourhoodTest",
    "RiskAssessment",
    "SituationalView",
    "WardLink",
    "WardPlace",
    "content_id",
    "document",
    "draws_sha256",
    "from_document",
    "rounded",
]

SCHEMA_VERSION = "1"


@dataclass(frozen=True)
class Contribution:
    """Part of an area's expected incidents a week that comes from one source."""

    source: str
    expected_per_week: float


@dataclass(frozen=True)
class AreaScore:
    """Expected reported firearms incidents in one ward or borough.

    ``expected_per_week`` is the posterior mean, ``lower_90``/``upper_90`` the central 90 %
    interval of the rate in the week ahead, which swings around the long-run rate as past
    months did; all in incidents a week. ``rank`` 1 is the highest mean; the rank interval is
    the central 90 % of ranks of the long-run rates. ``contributions`` sum to
    ``expected_per_week`` within 1e-9. ``coverage`` is known, partial or unknown.
    ``probability_top_k`` is the probability of being among the k highest, for each k of the
    assessment's ``top_k``. ``handling_code`` is ``C`` when material with conditions on its
    handling counts or raises this very area, else empty.
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
    probability_top_k: tuple[float, ...] = ()
    handling_code: str = ""


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
    merged: int = 0  # records of incidents that another system's record stands for


@dataclass(frozen=True)
class GroupScore:
    """Posterior rate of a group of wards or boroughs; its interval is that of summed draws."""

    grouping: str  # for example basic_command_unit
    code: str
    name: str
    target: str  # demand | harm
    members: tuple[str, ...]
    expected_per_week: float
    lower_90: float
    upper_90: float
    rank: int
    rank_lower_90: int
    rank_upper_90: int


@dataclass(frozen=True)
class RiskAssessment:
    """One week's risk picture. Wards and boroughs are sorted by code; draws follow wards.

    Attributes
    ----------
    draws
        float32 (n_draws, n_wards): draws of the rate in the week ahead, posterior and swing,
        columns in the order of ``wards``. A borough's draw is the sum of its wards' draws; a
        count of the week is Poisson with such a mean.
    wards, boroughs
        Scores of the policed areas (679 wards, 32 boroughs for London).
    places
        Ward positions, same order as ``wards``.
    clusters, neighbourhoods, emerging
        Hot spots, tested neighbourhoods of wards, and emerging clusters.
    harm_wards, harm_boroughs
        The second target, same codes in the same order: incidents in which a firearm was
        discharged or somebody was injured. Empty when the policy names no harm.
    top_k
        The k of every score's ``probability_top_k``.
    groups
        Roll-ups of both targets by lookup tables, sorted by grouping, target and code.
    views, area_views
        Windows of days, and what was counted in them by area and target.
    sanitised
        True when material with handling code C was left out.
    handling_code, handling_c_records, handling_c_outputs
        ``C`` when an output used such material, how many records of it, and which outputs:
        all that rest on the pooled model do, because every score informs every other.

    A field with a default is left out of the document while it holds that default, so that
    documents written before the field existed are read, and keep their identity.
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
    harm_wards: tuple[AreaScore, ...] = ()
    harm_boroughs: tuple[AreaScore, ...] = ()
    top_k: tuple[int, ...] = ()
    groups: tuple[GroupScore, ...] = ()
    views: tuple[SituationalView, ...] = ()
    area_views: tuple[AreaView, ...] = ()
    sanitised: bool = False
    handling_code: str = ""
    handling_c_records: int = 0
    handling_c_outputs: tuple[str, ...] = ()
    clusters: tuple[HotSpot, ...] = ()
    neighbourhoods: tuple[NeighbourhoodTest, ...] = ()
    emerging: tuple[EmergingCluster, ...] = ()


def document(assessment: RiskAssessment) -> dict[str, Any]:
    """Return the assessment as plain JSON types, keys in a fixed order, without the draws.

    The draws are vouched for by ``n_draws`` and ``draws_sha256``; the caller stores them
    apart. The same assessment always gives the same document.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "assessment_id": assessment.assessment_id,
        **_content(assessment),
    }


def content_id(assessment: RiskAssessment) -> str:
    """Return the identity of an assessment: a digest of everything it says but its own id."""
    text = json.dumps(_content(assessment), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return "ra-" + hashlib.sha256(text.encode()).hexdigest()[:24]


def draws_sha256(draws: NDArray[np.float32]) -> str:
    """Return the digest of posterior draws: shape, then little-endian float32 in row order."""
    whole = hashlib.sha256(f"{draws.shape}".encode())
    whole.update(np.ascontiguousarray(draws, dtype="<f4").tobytes())
    return whole.hexdigest()


def from_document(value: object, draws: NDArray[np.float32]) -> RiskAssessment:
    """Read an assessment back from its document and its draws.

    Parameters
    ----------
    value
        What :func:`document` gave, after any trip through JSON.
    draws
        float32 (n_draws, n_wards), columns in the order of the document's wards.

    Raises
    ------
    AssessmentRefusedError
        A missing or unknown field, a value of the wrong type or not finite, areas out of
        order or listed twice, links to unknown areas, draws that are not those of this
        document, or content that does not give the ``assessment_id``.
    """
    table = dict(read_object(value, ""))
    version = table.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        raise malformed("schema_version", version, f"is {SCHEMA_VERSION!r}")
    about_draws = {name: table.pop(name, None) for name in ("n_draws", "draws_sha256")}
    assessment = read_fields(RiskAssessment, table, draws=np.asarray(draws, dtype=np.float32))
    _refuse_inconsistent(assessment)
    if list(assessment.draws.shape) != [about_draws["n_draws"], len(assessment.wards)]:
        raise malformed("draws", assessment.draws.shape, "has n_draws rows and one column a ward")
    if about_draws["draws_sha256"] != draws_sha256(assessment.draws):
        raise malformed("draws_sha256", about_draws["draws_sha256"], "is that of the draws given")
    if assessment.assessment_id != content_id(assessment):
        raise malformed("assessment_id", assessment.assessment_id, "is that of the content")
    return assessment


def _content(assessment: RiskAssessment) -> dict[str, Any]:
    content = plain_fields(assessment, leave_out=("draws", "assessment_id"))
    return content | {
        "n_draws": int(assessment.draws.shape[0]),
        "draws_sha256": draws_sha256(assessment.draws),
    }


def _refuse_inconsistent(assessment: RiskAssessment) -> None:
    wards = [one.code for one in assessment.wards]
    boroughs = [one.code for one in assessment.boroughs]
    for name, codes in (("wards", wards), ("boroughs", boroughs)):
        if not codes or codes != sorted(set(codes)):
            raise malformed(name, None, "is not empty, sorted by code and without duplicates")
    if [one.code for one in assessment.places] != wards:
        raise malformed("places", None, "lists the wards in the same order")
    _refuse_unknown_wards(assessment, set(wards))
    known = {"borough_links": set(boroughs), "ward_links": set(wards)}
    for name, codes_known in known.items():
        for link in getattr(assessment, name):
            if not {link.code_a, link.code_b} <= codes_known:
                raise malformed(name, (link.code_a, link.code_b), "names known areas only")
    for ward in assessment.wards:
        if ward.borough_code not in known["borough_links"]:
            raise malformed(f"wards {ward.code}", ward.borough_code, "lies in a known borough")
    harm = (assessment.harm_wards, wards), (assessment.harm_boroughs, boroughs)
    for scores, codes in harm:
        if scores and [one.code for one in scores] != codes:
            raise malformed("harm", None, "lists the areas of the demand in the same order")
    for score in (
        *assessment.wards,
        *assessment.boroughs,
        *assessment.harm_wards,
        *assessment.harm_boroughs,
    ):
        total = sum(part.expected_per_week for part in score.contributions)
        if score.expected_per_week < 0 or abs(total - score.expected_per_week) > 1e-9:
            raise malformed(f"contributions of {score.code}", total, "sum to expected_per_week")


def _refuse_unknown_wards(assessment: RiskAssessment, known: set[str]) -> None:
    for name in ("clusters", "emerging"):
        for one in getattr(assessment, name):
            if not set(one.ward_codes) <= known:
                raise malformed(name, one.ward_codes, "names known wards only")
    for test in assessment.neighbourhoods:
        if test.ward_code not in known:
            raise malformed("neighbourhoods", test.ward_code, "names known wards only")
    for spot in assessment.clusters:
        for ring in spot.polygon:
            if len(ring) < 4 or ring[0] != ring[-1] or any(len(point) != 2 for point in ring):
                raise malformed("clusters polygon", ring[:2], "is closed rings of (x, y) in m")
