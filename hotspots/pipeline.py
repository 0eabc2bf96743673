"""One week from feeds already read to a published risk assessment and its cells."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots import assessment as published
from hotspots.assessment import BoroughLink, RiskAssessment, WardLink, WardPlace
from hotspots.boundaries.study_area import StudyArea
from hotspots.errors import AssessmentRefusedError
from hotspots.explanation import data_gaps, evidence_lines, title, with_handling_gap
from hotspots.groupings import Grouping, bundled_groupings, group_scores
from hotspots.handling import CODE, carries_code, outputs_using, without_handling_c
from hotspots.incidents import FeedReading
from hotspots.known import known_records
from hotspots.merging import match_incidents
from hotspots.patterns import find_patterns, pattern_records, with_pattern_reasons
from hotspots.places import PolicedPlaces, place_records, policed_places
from hotspots.scores import TOP_K
from hotspots.situation import SituationalView
from hotspots.sources import EvidencePolicy
from hotspots.surface import policed_grid, ward_cells
from hotspots.targets import DEMAND, KnownWeek, Target, score_harm, score_target
from hotspots.views import area_views, first_day, situational_views
from hotspots.weighing import WeighedEvidence
from hotspots.zonal import WardPosterior

HORIZON_DAYS = 7
TIMEZONE = "Europe/London"
Progress = Callable[[str, float], None]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AssessedWeek:
    """A published assessment and its risk surface.

    ``cells`` has ``x_m``, ``y_m`` (EPSG:27700, centre of a 250 m cell) and
    ``expected_per_week``; the cells of a ward sum to its posterior mean. ``known``,
    ``demand`` and ``harm`` (where the policy names it and a feed counts it) are what the
    scores were made from, for explanations on demand.
    """

    assessment: RiskAssessment
    cells: pd.DataFrame
    known: KnownWeek
    demand: Target
    harm: Target | None


def assess_week(
    readings: Sequence[FeedReading],
    study_area: StudyArea,
    *,
    as_of: date,
    policy: EvidencePolicy,
    seed: int = 0,
    classification: str = "OFFICIAL-SENSITIVE",
    include_handling_c: bool = True,
    groupings: Sequence[Grouping] = (),
    progress: Progress | None = None,
) -> AssessedWeek:
    """Assess the week that starts on the as-of day, as known at its 00:00 Europe/London.

    Parameters
    ----------
    readings
        Feeds already read, in any order.
    study_area
        Wards and boroughs; only the policed ones are scored.
    as_of, policy, seed
        The as-of day, the evidence policy and the seed of the posterior draws.
    classification
        Marking that travels with the assessment.
    include_handling_c
        False leaves out all material with handling code C: the sanitised version.
    groupings
        Groupings of wards or boroughs to score beside the bundled ones.
    progress
        Called with the step and the share done, 0 to 1.

    Raises
    ------
    AssessmentRefusedError
        No reading; nothing known before the as-of day; or no evidence that counts incidents
        and covers any policed ward recently enough.
    """
    tell = progress or _silent
    tell("Weighing the evidence", 0.0)
    ordered = _ordered(readings, as_of)
    inputs_sha256 = _inputs_sha256(ordered)
    if not include_handling_c:
        ordered = without_handling_c(ordered, as_of=as_of)
    week = _known_week(ordered, study_area, as_of)
    evidence = week.weigh(policy)
    _refuse_no_evidence(evidence)
    views = situational_views(as_of)
    demand, harm = _targets(week, policy, evidence, views, seed=seed, tell=tell)
    tell("Looking for patterns", 0.7)
    patterns = find_patterns(
        ordered, study_area, week.places, evidence, as_of=as_of, policy=policy, seed=seed
    )
    wards = with_pattern_reasons(demand.wards, patterns)
    coded, coded_records = _under_c(week, demand, harm, policy)
    sanitised = not include_handling_c
    gaps = data_gaps(ordered, week.known, evidence, wards, demand.boroughs, as_of=as_of)
    draft = RiskAssessment(
        **_identity(study_area, week.places, policy),
        as_of=as_of,
        classification=classification,
        notice=_notice(ordered),
        seed=seed,
        **vars(patterns),
        wards=wards,
        boroughs=demand.boroughs,
        **_beside(week, demand, harm, views, (*bundled_groupings(study_area), *groupings)),
        evidence=evidence_lines(ordered, week.known, evidence, week.places),
        data_gaps=with_handling_gap(gaps, coded_records, sanitised=sanitised),
        inputs_sha256=inputs_sha256,
        draws=demand.draws,
        sanitised=sanitised,
        handling_code=CODE if coded else "",
        handling_c_records=coded_records,
        handling_c_outputs=coded,
    )
    tell("Drawing the risk surface", 0.8)
    cells = _cells(study_area, week.places, evidence, demand.posterior, policy)
    tell("Done", 1.0)
    return AssessedWeek(
        assessment=replace(draft, assessment_id=published.content_id(draft)),
        cells=cells,
        known=week,
        demand=demand,
        harm=harm,
    )


def _targets(
    week: KnownWeek,
    policy: EvidencePolicy,
    evidence: WeighedEvidence,
    views: Sequence[SituationalView],
    *,
    seed: int,
    tell: Progress,
) -> tuple[Target, Target | None]:
    """Score the demand, and the harm where a feed counts it."""
    tell("Estimating weekly rates", 0.3)
    since = first_day(views)
    counted = week.count(policy, evidence, since)
    demand = score_target(DEMAND, week, evidence, counted, seed=seed)
    tell("Estimating harm", 0.5)
    return demand, score_harm(week, policy, evidence, first_day=since, seed=seed)


def _known_week(readings: Sequence[FeedReading], study_area: StudyArea, as_of: date) -> KnownWeek:
    """Gather what stood on the as-of day, where it lies, and what tells of one incident."""
    known = known_records(readings, as_of=as_of)
    places = policed_places(study_area)
    located = place_records(known.records, places, study_area)
    return KnownWeek(
        readings=readings,
        study_area=study_area,
        places=places,
        known=known,
        located=located,
        merged_into=match_incidents(known.records, located),
        as_of=as_of,
    )


def _beside(
    week: KnownWeek,
    demand: Target,
    harm: Target | None,
    views: Sequence[SituationalView],
    groupings: Sequence[Grouping],
) -> dict[str, Any]:
    """Return what stands beside the demand scores: harm, groups, and situational views."""
    targets = [demand] if harm is None else [demand, harm]
    return {
        "harm_wards": harm.wards if harm else (),
        "harm_boroughs": harm.boroughs if harm else (),
        "top_k": TOP_K,
        "groups": tuple(
            one
            for grouping in groupings
            for target in targets
            for one in group_scores(
                grouping,
                target=target.name,
                wards=target.wards,
                rates=target.posterior.draws,
                draws=target.draws,
            )
        ),
        "views": views,
        "area_views": area_views(views, week.places, {one.name: one.counter for one in targets}),
    }


def _identity(
    study_area: StudyArea, places: PolicedPlaces, policy: EvidencePolicy
) -> dict[str, Any]:
    """Return the fields that say on which places and by which policy the week is assessed."""
    return {
        "assessment_id": "",  # set from the content once it is whole
        "horizon_days": HORIZON_DAYS,
        "timezone": TIMEZONE,
        "boundary_name": study_area.name,
        "boundary_approximate": study_area.approximate,
        "boundary_sha256": study_area.sha256,
        "attribution": tuple(study_area.attribution),
        "policy_version": policy.version,
        "policy_sha256": policy.sha256,
        "places": _ward_places(study_area, places),
        "borough_links": _borough_links(study_area, places),
        "ward_links": _ward_links(study_area, places),
    }


def _under_c(
    week: KnownWeek, demand: Target, harm: Target | None, policy: EvidencePolicy
) -> tuple[tuple[str, ...], int]:
    """Return which outputs used material with handling code C, and how many records of it."""
    evidence = demand.evidence
    if not carries_code(evidence.records.records).any():
        return (), 0
    counters = [one.counter.records for one in (demand, harm) if one is not None]
    looked_in = pattern_records(
        week.readings, week.places, evidence, as_of=week.as_of, policy=policy
    )
    return outputs_using(evidence, {"area_views": np.logical_or.reduce(counters), **looked_in})


def _silent(_step: str, _share: float) -> None:
    """Report nothing."""


def _ordered(readings: Sequence[FeedReading], as_of: date) -> list[FeedReading]:
    """Return the readings in an order that does not depend on the caller, same file once."""
    if not readings:
        raise AssessmentRefusedError(
            "there is no feed to assess", remedy="give at least one feed of incidents or counts"
        )
    unique = {(one.file, one.sha256): one for one in readings}
    ordered = [unique[key] for key in sorted(unique)]
    if all(one.coverage.first_day >= as_of for one in ordered):
        first = min(one.coverage.first_day for one in ordered)
        raise AssessmentRefusedError(
            f"all evidence is on or after the as-of day; the earliest is {first:%d/%m/%Y}",
            remedy="choose a later as-of day or add earlier feeds",
            value=as_of.isoformat(),
        )
    return ordered


def _refuse_no_evidence(evidence: WeighedEvidence) -> None:
    data = evidence.data
    if data.exposure_weeks.any() or data.borough_exposure_weeks.any() or data.level_per_week > 0:
        return
    ended = [f"{title(key)} ends on {day:%d/%m/%Y}" for key, day in evidence.stale.items()]
    why = f" ({'; '.join(ended)}: too long before)" if ended else ""
    raise AssessmentRefusedError(
        "no usable evidence: nothing that counts firearms incidents, or a proxy of them, covers "
        f"a policed ward or borough before the as-of day{why}",
        remedy="add a feed of incidents or counts that ends shortly before the as-of day",
    )


def _cells(
    study_area: StudyArea,
    places: PolicedPlaces,
    evidence: WeighedEvidence,
    posterior: WardPosterior,
    policy: EvidencePolicy,
) -> pd.DataFrame:
    records = evidence.records
    x, y = (records.records[name].to_numpy(dtype=np.float64) for name in ("x_m", "y_m"))
    kept = (evidence.point_weight > 0) & np.isfinite(x) & np.isfinite(y)
    first_counting = 1 + len(evidence.shaping)
    local = posterior.parts[first_counting:].sum(axis=0)
    local = local + posterior.parts[1 : 1 + evidence.n_proxies].sum(axis=0)
    return ward_cells(
        study_area,
        places,
        policed_grid(study_area),
        mean_per_week=posterior.mean_per_week,
        evidence_per_week=local,
        points=(x[kept], y[kept], evidence.point_weight[kept], records.ward[kept]),
        bandwidth_m=policy.bandwidth_m,
    )


def _notice(readings: Sequence[FeedReading]) -> str:
    notices: set[str] = set()
    for reading in readings:
        for frame in (reading.records, reading.counts):
            notices |= set(frame["notice"].dropna().unique())
    return ", ".join(sorted(str(one) for one in notices if one))


def _inputs_sha256(readings: Sequence[FeedReading]) -> str:
    whole = hashlib.sha256()
    for reading in readings:
        whole.update(f"{reading.sha256}  {reading.file}\n".encode())
    return whole.hexdigest()


@lru_cache(maxsize=4)
def _ward_places(study_area: StudyArea, places: PolicedPlaces) -> tuple[WardPlace, ...]:
    wards = study_area.wards.set_index("ward_code").loc[list(places.ward_codes)]
    inside = wards.geometry.representative_point()
    return tuple(
        WardPlace(
            code=code,
            name=str(name),
            borough_code=str(borough),
            x_m=published.rounded(float(point.x), 3),
            y_m=published.rounded(float(point.y), 3),
            area_km2=published.rounded(float(area) / 1e6, 6),
        )
        for code, name, borough, point, area in zip(
            places.ward_codes,
            wards["ward_name"],
            wards["borough_code"],
            inside,
            wards.geometry.area,
            strict=True,
        )
    )


@lru_cache(maxsize=4)
def _borough_links(study_area: StudyArea, places: PolicedPlaces) -> tuple[BoroughLink, ...]:
    links = study_area.borough_links
    links = links[links["open_to_motor_vehicles"].astype(int) == 1]
    return tuple(
        BoroughLink(str(a), str(b), str(kind))
        for a, b, kind in sorted(zip(links["code_a"], links["code_b"], links["kind"], strict=True))
        if a in places.borough_index and b in places.borough_index
    )


@lru_cache(maxsize=4)
def _ward_links(study_area: StudyArea, places: PolicedPlaces) -> tuple[WardLink, ...]:
    links = study_area.ward_links
    columns = (links[name] for name in ("code_a", "code_b", "kind", "distance_m"))
    return tuple(
        WardLink(str(a), str(b), str(kind), published.rounded(float(metres), 3))
        for a, b, kind, metres in sorted(zip(*columns, strict=True))
        if a in places.ward_index and b in places.ward_index
    )
