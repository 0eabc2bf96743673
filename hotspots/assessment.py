"""The published risk assessment: the only thing the allocator may know about hot spots.

A :class:`RiskAssessment` is a frozen value. ``document`` and ``from_document`` turn it into
plain JSON types and back; reading and writing files is the caller's work.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from hotspots.errors import AssessmentRefusedError
from hotspots.findings import EmergingCluster, HotSpot, NeighbourhoodTest

SCHEMA_VERSION = "1"
_LARGEST = sys.float_info.max


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
    clusters, neighbourhoods, emerging
        Hot spots, tested neighbourhoods of wards, and emerging clusters.

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
    clusters: tuple[HotSpot, ...] = ()
    neighbourhoods: tuple[NeighbourhoodTest, ...] = ()
    emerging: tuple[EmergingCluster, ...] = ()


def rounded(value: float, digits: int = 12) -> float:
    """Return a number as it is published: rounded, and never minus zero.

    Raises
    ------
    AssessmentRefusedError
        When the number is not finite: no output ever holds one.
    """
    if not math.isfinite(value):
        raise AssessmentRefusedError(
            "a score is not a finite number", remedy="report this as a defect", value=value
        )
    return round(float(value), digits) + 0.0


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
    table = _object(value, "")
    if table.get("schema_version") != SCHEMA_VERSION:
        raise _malformed("schema_version", table.get("schema_version"), f"is {SCHEMA_VERSION!r}")
    known = {one.name for one in fields(RiskAssessment)} - {"draws"}
    optional = known & _OPTIONAL - set(table)
    _refuse_keys(table, known - optional | {"schema_version", "n_draws", "draws_sha256"}, "")
    read = {name: _read(table[name], _HINTS[name], name) for name in sorted(known - optional)}
    assessment = RiskAssessment(**read, draws=np.asarray(draws, dtype=np.float32))
    _refuse_inconsistent(assessment)
    if list(assessment.draws.shape) != [table.get("n_draws"), len(assessment.wards)]:
        raise _malformed("draws", assessment.draws.shape, "has n_draws rows and one column a ward")
    if table.get("draws_sha256") != draws_sha256(assessment.draws):
        raise _malformed("draws_sha256", table.get("draws_sha256"), "is that of the draws given")
    if assessment.assessment_id != content_id(assessment):
        raise _malformed("assessment_id", assessment.assessment_id, "is that of the content")
    return assessment


def _content(assessment: RiskAssessment) -> dict[str, Any]:
    plain = {
        one.name: _plain(getattr(assessment, one.name))
        for one in fields(assessment)
        if one.name not in ("draws", "assessment_id")
        and (one.name not in _OPTIONAL or getattr(assessment, one.name) != one.default)
    }
    return plain | {
        "n_draws": int(assessment.draws.shape[0]),
        "draws_sha256": draws_sha256(assessment.draws),
    }


def _plain(value: object) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, date):
        return value.isoformat()
    return rounded(value) if isinstance(value, float) else value


def _read(value: object, hint: Any, where: str) -> Any:
    """Read one JSON value as the type a field declares."""
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise _malformed(where, value, "is a list")
        inner = get_args(hint)[0]
        return tuple(_read(one, inner, f"{where}[{i}]") for i, one in enumerate(value))
    if isinstance(hint, type) and is_dataclass(hint):
        table = _object(value, where)
        hints = get_type_hints(hint)
        _refuse_keys(table, set(hints), where)
        return hint(**{k: _read(table.get(k), one, f"{where}.{k}") for k, one in hints.items()})
    if date in (hint, *get_args(hint)):
        return _read_date(value, where, optional=hint is not date)
    return _read_scalar(value, hint, where)


def _read_date(value: object, where: str, *, optional: bool) -> date | None:
    if value is None and optional:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError as fault:
        raise _malformed(where, value, "is a day such as 2026-11-23") from fault


def _read_scalar(value: object, hint: Any, where: str) -> object:
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) <= _LARGEST:  # false for NaN; integers may be of any length
            return float(value)
    elif isinstance(value, hint) and isinstance(value, bool) == (hint is bool):
        return value
    raise _malformed(where, value, f"is a {'finite number' if hint is float else hint.__name__}")


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _malformed(where or "document", value, "is an object")
    return value


def _refuse_keys(table: dict[str, Any], known: set[str], where: str) -> None:
    for name in sorted(known - set(table)):
        raise _malformed(f"{where}.{name}".lstrip("."), None, "is present")
    for name in sorted(set(table) - known):
        raise _malformed(f"{where}.{name}".lstrip("."), table[name], "is unknown and absent")


def _refuse_inconsistent(assessment: RiskAssessment) -> None:
    wards = [one.code for one in assessment.wards]
    boroughs = [one.code for one in assessment.boroughs]
    for name, codes in (("wards", wards), ("boroughs", boroughs)):
        if not codes or codes != sorted(set(codes)):
            raise _malformed(name, None, "is not empty, sorted by code and without duplicates")
    if [one.code for one in assessment.places] != wards:
        raise _malformed("places", None, "lists the wards in the same order")
    _refuse_unknown_wards(assessment, set(wards))
    known = {"borough_links": set(boroughs), "ward_links": set(wards)}
    for name, codes_known in known.items():
        for link in getattr(assessment, name):
            if not {link.code_a, link.code_b} <= codes_known:
                raise _malformed(name, (link.code_a, link.code_b), "names known areas only")
    for ward in assessment.wards:
        if ward.borough_code not in known["borough_links"]:
            raise _malformed(f"wards {ward.code}", ward.borough_code, "lies in a known borough")
    for score in (*assessment.wards, *assessment.boroughs):
        total = sum(part.expected_per_week for part in score.contributions)
        if score.expected_per_week < 0 or abs(total - score.expected_per_week) > 1e-9:
            raise _malformed(f"contributions of {score.code}", total, "sum to expected_per_week")


def _refuse_unknown_wards(assessment: RiskAssessment, known: set[str]) -> None:
    for name in ("clusters", "emerging"):
        for one in getattr(assessment, name):
            if not set(one.ward_codes) <= known:
                raise _malformed(name, one.ward_codes, "names known wards only")
    for test in assessment.neighbourhoods:
        if test.ward_code not in known:
            raise _malformed("neighbourhoods", test.ward_code, "names known wards only")
    for spot in assessment.clusters:
        for ring in spot.polygon:
            if len(ring) < 4 or ring[0] != ring[-1] or any(len(point) != 2 for point in ring):
                raise _malformed("clusters polygon", ring[:2], "is closed rings of (x, y) in m")


def _malformed(where: str, value: object, rule: str) -> AssessmentRefusedError:
    return AssessmentRefusedError(
        f"not an assessment: {where} must hold what {rule}",
        remedy="make the folder again with `arv assess`",
        column=where,
        value=value,
    )


_HINTS = get_type_hints(RiskAssessment)
_OPTIONAL = {one.name for one in fields(RiskAssessment) if one.default is not MISSING}
