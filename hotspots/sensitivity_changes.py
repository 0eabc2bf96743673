"""What a sensitivity panel may change: the reports, the policy, the kernel, the boundaries.

Every change takes the inputs of one assessment and returns altered copies. None is a
correction: each is a "what if", small enough to be plausible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from hotspots.boundaries.study_area import StudyArea
from hotspots.incidents import FeedReading
from hotspots.places import NOWHERE, PolicedPlaces, place_records, policed_places
from hotspots.sources import EvidencePolicy


@dataclass(frozen=True)
class Inputs:
    """What one assessment is made from; ``zone_of_ward`` maps merged wards to their zone."""

    readings: tuple[FeedReading, ...]
    study_area: StudyArea
    policy: EvidencePolicy
    zone_of_ward: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One "what if".

    Attributes
    ----------
    group
        Under-reporting, grade policy, memory, intelligence, bandwidth or boundaries.
    what
        What is changed, in words.
    apply
        Returns altered inputs; draws any chance from the generator it is given.
    """

    group: str
    what: str
    apply: Callable[[Inputs, np.random.Generator], Inputs]


def default_changes() -> tuple[Change, ...]:
    """Return the panel of the weekly meeting: two plausible changes of each kind."""
    return (
        Change(
            "under-reporting",
            "30% of incidents never reported, everywhere",
            lambda inputs, random: under_report(inputs, random, share=0.3, boroughs=1.0),
        ),
        Change(
            "under-reporting",
            "30% never reported in half of the boroughs",
            lambda inputs, random: under_report(inputs, random, share=0.3, boroughs=0.5),
        ),
        Change(
            "grade policy",
            "every grade but E weighs 1",
            lambda inputs, _: with_grades(inputs, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0)),
        ),
        Change(
            "grade policy",
            "only reliable sources and what is known or corroborated",
            lambda inputs, _: with_grades(inputs, (1.0, 0.0, 0.0), (1.0, 1.0, 0.0, 0.0)),
        ),
        Change("memory", "half-lives halved", lambda inputs, _: with_memory(inputs, 0.5)),
        Change("memory", "half-lives doubled", lambda inputs, _: with_memory(inputs, 2.0)),
        Change(
            "intelligence", "intelligence raises nothing", lambda inputs, _: with_cap(inputs, 0.0)
        ),
        Change(
            "intelligence", "intelligence may double a prior", lambda inputs, _: with_cap(inputs, 1)
        ),
        Change("bandwidth", "kernel half as wide", lambda inputs, _: with_bandwidth(inputs, 0.5)),
        Change("bandwidth", "kernel twice as wide", lambda inputs, _: with_bandwidth(inputs, 2.0)),
        Change("boundaries", "neighbouring wards merged in pairs", merge_pairs),
        Change("boundaries", "merged in other pairs", merge_pairs),
    )


def under_report(
    inputs: Inputs, random: np.random.Generator, *, share: float, boroughs: float
) -> Inputs:
    """Leave out a share of the reported incidents of a share of the boroughs, by chance."""
    places = policed_places(inputs.study_area)
    n_boroughs = len(places.borough_codes)
    hit = random.permutation(n_boroughs) < round(boroughs * n_boroughs)
    incident = inputs.policy.with_role("incident")
    thinned = []
    for one in inputs.readings:
        records, counts = one.records, one.counts
        _, borough = place_records(records, places, inputs.study_area)
        chance = (borough != NOWHERE) & hit[borough] & (random.random(len(records)) < share)
        lost = records["source"].isin(incident).to_numpy(dtype=bool) & chance
        of_incidents = counts["source"].isin(incident).to_numpy(dtype=bool)
        mine = of_incidents & _in_boroughs(counts["area_code"], places, hit)
        number = counts["count"].to_numpy(dtype=np.int64)
        kept = np.where(mine, random.binomial(number, 1.0 - share), number)
        thinned.append(
            replace(
                one,
                records=records[~lost].reset_index(drop=True),
                counts=counts.assign(count=kept),
            )
        )
    return replace(inputs, readings=tuple(thinned))


def _in_boroughs(
    codes: pd.Series, places: PolicedPlaces, hit: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    ward, borough = places.wards(codes), places.boroughs(codes)
    of_ward = places.borough_of_ward[ward]
    known = np.where(ward != NOWHERE, of_ward, borough)
    return np.asarray((known != NOWHERE) & hit[known], dtype=bool)


def with_grades(inputs: Inputs, source: Sequence[float], information: Sequence[float]) -> Inputs:
    """Weigh source grades 1-3 and information grades A-D as given; E stays 0."""
    policy = inputs.policy
    sources = {**policy.source_grades, **dict(zip("123", source, strict=True))}
    grades = {**policy.information_grades, **dict(zip("ABCD", information, strict=True))}
    return replace(
        inputs,
        policy=replace(
            policy,
            source_grades=MappingProxyType(sources),
            information_grades=MappingProxyType(grades),
        ),
    )


def with_memory(inputs: Inputs, factor: float) -> Inputs:
    """Multiply every half-life."""
    sources = {
        key: replace(one, half_life_days=one.half_life_days * factor)
        for key, one in inputs.policy.sources.items()
    }
    return replace(inputs, policy=replace(inputs.policy, sources=MappingProxyType(sources)))


def with_cap(inputs: Inputs, cap: float) -> Inputs:
    """Set the most by which intelligence may raise a ward's prior mean."""
    return replace(inputs, policy=replace(inputs.policy, prior_cap=cap))


def with_bandwidth(inputs: Inputs, factor: float) -> Inputs:
    """Multiply the bandwidth of the surface."""
    wider = inputs.policy.bandwidth_m * factor
    return replace(inputs, policy=replace(inputs.policy, bandwidth_m=wider))


def merge_pairs(inputs: Inputs, random: np.random.Generator) -> Inputs:
    """Merge neighbouring wards of a borough in random pairs: other boundaries, same events.

    The modifiable areal unit problem (Openshaw 1984): scores may depend on where lines run.
    A ward without a free neighbour stays as it is.
    """
    area = inputs.study_area
    zone = _paired(area, random)
    wards = area.wards.assign(zone=area.wards["ward_code"].map(zone))
    names = wards.groupby("zone")["ward_name"].agg(" with ".join)
    merged = wards.drop_duplicates("zone").sort_values("zone", ignore_index=True)
    shapes = wards.groupby("zone")["geometry"].agg(lambda one: shapely.union_all(one.to_numpy()))
    merged = merged.assign(
        ward_code=merged["zone"], ward_name=merged["zone"].map(names)
    ).set_geometry(shapes.loc[merged["zone"]].to_list(), crs=area.wards.crs)
    links = area.ward_links.assign(
        code_a=area.ward_links["code_a"].map(zone), code_b=area.ward_links["code_b"].map(zone)
    )
    links = links[links["code_a"] != links["code_b"]].drop_duplicates(["code_a", "code_b"])
    rezoned = replace(
        area,
        wards=merged[list(area.wards.columns)],
        ward_links=links.reset_index(drop=True),
    )
    readings = tuple(_rezoned(one, zone) for one in inputs.readings)
    return replace(
        inputs, readings=readings, study_area=rezoned, zone_of_ward=MappingProxyType(zone)
    )


def _paired(area: StudyArea, random: np.random.Generator) -> dict[str, str]:
    """Return the zone of each ward: the smaller code of its pair."""
    borough = dict(zip(area.wards["ward_code"], area.wards["borough_code"], strict=True))
    zone = {str(code): str(code) for code in area.wards["ward_code"]}
    free = set(zone)
    links = area.ward_links[area.ward_links["kind"] == "land"]
    pairs = list(zip(links["code_a"].astype(str), links["code_b"].astype(str), strict=True))
    for number in random.permutation(len(pairs)):
        first, second = pairs[int(number)]
        if first in free and second in free and borough[first] == borough[second]:
            free -= {first, second}
            zone[first] = zone[second] = min(first, second)
    return zone


def _rezoned(reading: FeedReading, zone: Mapping[str, str]) -> FeedReading:
    """Return the reading with ward codes replaced by zones, and counts summed by zone."""
    records = reading.records.assign(area_code=reading.records["area_code"].replace(dict(zone)))
    counts = reading.counts.assign(area_code=reading.counts["area_code"].replace(dict(zone)))
    keys = [name for name in counts.columns if name != "count"]
    counts = counts.groupby(keys, dropna=False, sort=True)["count"].sum().reset_index()
    coverage = reading.coverage
    if coverage.areas is not None:
        lost = {zone[code] for code in zone if code not in coverage.areas}
        whole = {zone.get(code, code) for code in coverage.areas} - lost
        boroughs = {code for code in coverage.areas if code not in zone}
        coverage = replace(coverage, areas=frozenset(whole | boroughs))
    return replace(
        reading,
        records=records.astype(reading.records.dtypes.to_dict()),
        counts=counts[list(reading.counts.columns)].astype(reading.counts.dtypes.to_dict()),
        coverage=coverage,
    )
