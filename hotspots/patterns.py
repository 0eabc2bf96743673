"""Look for pattern in one week's evidence: hot spots, raised neighbourhoods, emerging clusters.

Gathers from the weighed evidence what each test needs. Only reported records and published
counts of incidents enter; never intelligence, proxies or discovered crime.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from hotspots.assessment import AreaScore, rounded
from hotspots.boundaries.study_area import StudyArea, ward_centres
from hotspots.clusters import ClusterAreas, IncidentPoints, find_hot_spots, place_name
from hotspots.findings import EmergingCluster, HotSpot, NeighbourhoodTest
from hotspots.incidents import FeedReading
from hotspots.places import NOWHERE, PolicedPlaces
from hotspots.scan import Cylinder, recurrence_in_words, scan, scan_zones
from hotspots.significance import fit_null, linked_neighbours, neighbourhood_tests
from hotspots.sources import EvidencePolicy
from hotspots.timeline import Timeline, day_cover, union_cover
from hotspots.weighing import WeighedEvidence

#: The scan compares the last days with this past, and abstains with less than the second.
STUDY_DAYS, LEAST_STUDY_DAYS = 365, 112
#: It abstains when its feeds end more than this many days before the as-of day.
LARGEST_DELAY_DAYS = 7
#: The meeting runs the scan once a week.
DAYS_BETWEEN_SCANS = 7


@dataclass(frozen=True)
class Patterns:
    """What was found, in the fields of :class:`hotspots.assessment.RiskAssessment`."""

    clusters: tuple[HotSpot, ...]
    neighbourhoods: tuple[NeighbourhoodTest, ...]
    emerging: tuple[EmergingCluster, ...]


def find_patterns(
    readings: Sequence[FeedReading],
    study_area: StudyArea,
    places: PolicedPlaces,
    evidence: WeighedEvidence,
    *,
    as_of: date,
    policy: EvidencePolicy,
    seed: int,
) -> Patterns:
    """Test one week's evidence for pattern.

    Parameters
    ----------
    readings, study_area, places, evidence
        The feeds, the policed places, and the evidence as it was weighed.
    as_of, policy, seed
        The as-of day, the evidence policy, and the seed of the Monte Carlo tests.

    Returns
    -------
    Patterns
        A test that the evidence cannot support gives nothing: no points, no hot spots; no
        ward counted, no neighbourhoods; less than 112 days that every feed covers up to a week
        before the as-of day, no emerging clusters.
    """
    areas = cluster_areas(study_area, places)
    return Patterns(
        clusters=find_hot_spots(incident_points(evidence, policy), areas, as_of=as_of),
        neighbourhoods=_neighbourhoods(study_area, places, evidence, seed),
        emerging=_emerging(
            readings, study_area, places, evidence, as_of=as_of, policy=policy, seed=seed
        ),
    )


def pattern_records(
    readings: Sequence[FeedReading],
    places: PolicedPlaces,
    evidence: WeighedEvidence,
    *,
    as_of: date,
    policy: EvidencePolicy,
) -> dict[str, NDArray[np.bool_]]:
    """Return, by kind of pattern, bool (n_records,): the records it was looked for in.

    Arguments as for :func:`find_patterns`.
    """
    feeds = _prospective_feeds(readings, as_of, policy)
    scanned = np.zeros(len(evidence.records.use), dtype=bool)
    if feeds:
        scanned = _scanned(feeds, places, evidence, _scan_study(feeds, as_of), policy)[0]
    tested = np.zeros_like(scanned)
    source = evidence.records.records["source"]
    counting = source.isin(_counting(evidence)).to_numpy(dtype=bool)
    tested[evidence.direct.pieces.record] = True
    return {
        "clusters": _with_points(evidence, policy),
        "neighbourhoods": tested & counting,
        "emerging": scanned,
    }


def with_pattern_reasons(wards: tuple[AreaScore, ...], patterns: Patterns) -> tuple[AreaScore, ...]:
    """Return ward scores whose reasons say which patterns they are part of; no number changes."""
    lines: dict[str, list[str]] = {}
    for spot in patterns.clusters:
        times = spot.weight / spot.expected_weight if spot.expected_weight > 0 else 0.0
        line = (
            f"Part of hot spot {spot.hot_spot_id}, {spot.name}: {spot.n_records} reported "
            f"incidents, {times:.1f} times what its borough's average would put there."
        )
        for code in spot.ward_codes:
            lines.setdefault(code, []).append(line)
    for one in patterns.neighbourhoods:
        if one.significant:
            lines.setdefault(one.ward_code, []).append(
                f"With the wards next to it: {one.observed:,} incidents where {one.expected:,.1f} "
                "are expected, more than chance (false discovery rate 5%)."
            )
    for cluster in patterns.emerging:
        line = f"Part of emerging cluster {cluster.emerging_id}: {emerging_in_words(cluster)}"
        for code in cluster.ward_codes:
            lines.setdefault(code, []).append(line)
    return tuple(
        replace(one, reasons=(*one.reasons, *lines[one.code])) if one.code in lines else one
        for one in wards
    )


def emerging_in_words(cluster: EmergingCluster) -> str:
    """Return one sentence: what was seen, what was expected, and how rare that is by chance."""
    days = "on 1 day" if cluster.window_days == 1 else f"in {cluster.window_days} days"
    return (
        f"{cluster.observed} incidents {days} to {cluster.last_day:%d/%m/%Y} where "
        f"{cluster.expected:.1f} are usual; chance alone would show one as strong "
        f"{recurrence_in_words(cluster.recurrence_days)}."
    )


def cluster_areas(study_area: StudyArea, places: PolicedPlaces) -> ClusterAreas:
    """Return the policed wards and boroughs as hot spots are named and measured by."""
    wards = study_area.wards.set_index("ward_code").loc[list(places.ward_codes)]
    boroughs = study_area.boroughs.set_index("borough_code").loc[list(places.borough_codes)]
    return ClusterAreas(
        ward_codes=places.ward_codes,
        ward_names=[str(name) for name in wards["ward_name"]],
        borough_of_ward=places.borough_of_ward,
        borough_names=[str(name) for name in boroughs["borough_name"]],
        borough_shapes=boroughs.geometry.to_list(),
    )


def incident_points(evidence: WeighedEvidence, policy: EvidencePolicy) -> IncidentPoints:
    """Return the reported incidents that have a point in a policed ward and weigh something."""
    rows = _with_points(evidence, policy)
    records = evidence.records.records[rows]
    return IncidentPoints(
        records["x_m"].to_numpy(dtype=np.float64),
        records["y_m"].to_numpy(dtype=np.float64),
        evidence.records.weight[rows],
        records["local_day"].to_numpy(dtype="datetime64[D]"),
        evidence.records.ward[rows],
    )


def _with_points(evidence: WeighedEvidence, policy: EvidencePolicy) -> NDArray[np.bool_]:
    records = evidence.records.records
    placed = np.isfinite(records[["x_m", "y_m"]].to_numpy(dtype=np.float64)).all(axis=1)
    rows = _incidents(evidence, policy) & placed & (evidence.records.weight > 0)
    return np.asarray(rows, dtype=bool)


def _incidents(evidence: WeighedEvidence, policy: EvidencePolicy) -> NDArray[np.bool_]:
    """Return which records are reported incidents of a policed ward, used or already counted."""
    source = evidence.records.records["source"]
    rows = source.isin(policy.with_role("incident")).to_numpy(dtype=bool)
    standing = np.isin(evidence.records.use, ["used", "counted"])
    return np.asarray(rows & standing & (evidence.records.ward != NOWHERE), dtype=bool)


def _neighbourhoods(
    study_area: StudyArea, places: PolicedPlaces, evidence: WeighedEvidence, seed: int
) -> tuple[NeighbourhoodTest, ...]:
    """Test each ward counted, with the counted wards a vehicle can drive to from it directly."""
    known = np.flatnonzero(evidence.direct_days > 0)
    if not len(known):
        return ()
    n_wards = len(places.ward_codes)
    raw = sum((evidence.raw[key] for key in _counting(evidence)), np.zeros(n_wards))
    counts = np.floor(raw[known] + 1e-6).astype(np.int64)
    weeks = evidence.direct_days[known] / 7.0
    null = fit_null(counts, weeks)
    first, second = _links(study_area, places)
    whole = linked_neighbours(n_wards, first, second)
    tests = neighbourhood_tests(
        counts, null.rate * weeks, whole[known][:, known], shape=null.shape, seed=seed
    )
    return tuple(
        NeighbourhoodTest(
            ward_code=places.ward_codes[ward],
            observed=int(tests.observed[i]),
            expected=rounded(float(tests.expected[i])),
            p_value=rounded(float(tests.p_value[i])),
            q_value=rounded(float(tests.q_value[i])),
            significant=bool(tests.significant[i]),
        )
        for i, ward in enumerate(known)
    )


def _counting(evidence: WeighedEvidence) -> list[str]:
    """Return the sources of incidents that counted in wards; proxies are not among them."""
    return [key for key in evidence.counting if key in evidence.raw]


def _links(
    study_area: StudyArea, places: PolicedPlaces
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    first = places.wards(study_area.ward_links["code_a"])
    second = places.wards(study_area.ward_links["code_b"])
    both = (first != NOWHERE) & (second != NOWHERE)
    return first[both], second[both]


def _emerging(
    readings: Sequence[FeedReading],
    study_area: StudyArea,
    places: PolicedPlaces,
    evidence: WeighedEvidence,
    *,
    as_of: date,
    policy: EvidencePolicy,
    seed: int,
) -> tuple[EmergingCluster, ...]:
    feeds = _prospective_feeds(readings, as_of, policy)
    if not feeds:
        return ()
    study = _scan_study(feeds, as_of)
    rows, before = _scanned(feeds, places, evidence, study, policy)
    wards = study_area.wards.set_index("ward_code").loc[list(places.ward_codes)]
    centres = ward_centres(wards)
    zones = scan_zones(centres[:, 0], centres[:, 1])
    found = scan(evidence.records.ward[rows], before[rows].astype(np.intp), zones, seed=seed)
    areas = cluster_areas(study_area, places)
    end = study.as_of
    return tuple(_named(one, number, areas, end) for number, one in enumerate(found, start=1))


def _scan_study(feeds: Sequence[FeedReading], as_of: date) -> Timeline:
    """Return the days that the scan compares: those that every one of its feeds covers."""
    first = max([as_of - timedelta(days=STUDY_DAYS), *(one.coverage.first_day for one in feeds)])
    return Timeline(
        first, min(as_of, min(one.coverage.last_day for one in feeds) + timedelta(days=1))
    )


def _scanned(
    feeds: Sequence[FeedReading],
    places: PolicedPlaces,
    evidence: WeighedEvidence,
    study: Timeline,
    policy: EvidencePolicy,
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return the records scanned, and how many days before the last day of the study each is."""
    rows = _incidents(evidence, policy) & _throughout(feeds, places, evidence, study, policy)
    days = evidence.records.records["local_day"].to_numpy(dtype="datetime64[D]")
    before = (np.datetime64(study.as_of, "D") - days).astype(np.int64) - 1
    return rows & (before >= 0) & (before < study.n_days), before


def _prospective_feeds(
    readings: Sequence[FeedReading], as_of: date, policy: EvidencePolicy
) -> list[FeedReading]:
    """Return the feeds of incident records that are long and fresh enough to scan."""
    incident = policy.with_role("incident")
    earliest = as_of - timedelta(days=LEAST_STUDY_DAYS)
    latest = as_of - timedelta(days=LARGEST_DELAY_DAYS + 1)
    return [
        one
        for one in readings
        if one.records["source"].isin(incident).any()
        and one.coverage.first_day <= earliest
        and one.coverage.last_day >= latest
    ]


def _throughout(
    feeds: Sequence[FeedReading],
    places: PolicedPlaces,
    evidence: WeighedEvidence,
    study: Timeline,
    policy: EvidencePolicy,
) -> NDArray[np.bool_]:
    """Return which records lie in a ward that their source covers on every day of the study.

    A feed that began, or began to cover a ward, during the study would look like a cluster.
    """
    source = evidence.records.records["source"].to_numpy(dtype=str)
    rows = np.zeros(len(source), dtype=bool)
    for key in policy.with_role("incident"):
        cover = union_cover(
            [
                (day_cover(one.coverage, study), places.covered_wards(one.coverage.areas))
                for one in feeds
                if (one.records["source"] == key).any()
            ],
            (study.n_days, len(places.ward_codes)),
        )
        always = np.asarray(cover.all(axis=0), dtype=bool)
        rows |= (source == key) & always[evidence.records.ward]
    return rows


def _named(cylinder: Cylinder, number: int, areas: ClusterAreas, end: date) -> EmergingCluster:
    wards = cylinder.wards
    return EmergingCluster(
        emerging_id=f"E{number}",
        name=place_name(
            [areas.ward_names[one] for one in wards],
            [areas.borough_names[areas.borough_of_ward[one]] for one in wards],
        ),
        ward_codes=tuple(areas.ward_codes[one] for one in wards),
        window_days=cylinder.window_days,
        first_day=end - timedelta(days=cylinder.window_days),
        last_day=end - timedelta(days=1),
        observed=cylinder.observed,
        expected=rounded(cylinder.expected),
        p_value=rounded(cylinder.p_value),
        recurrence_days=rounded(DAYS_BETWEEN_SCANS / cylinder.p_value),
    )
