"""Say what a study area holds, for a person to look over before trusting it."""

from __future__ import annotations

from dataclasses import dataclass

from hotspots.boundaries.borough_links import borough_neighbours
from hotspots.boundaries.schema import StudyArea


@dataclass(frozen=True)
class BoroughDescription:
    """One borough: its wards, area and neighbours open to motor vehicles."""

    code: str
    name: str
    policed: bool
    wards: int
    area_km2: float
    neighbours: tuple[str, ...]
    approximate: bool


@dataclass(frozen=True)
class StudyAreaDescription:
    """The whole: what it is called, how exact it is, whom to credit, and its parts."""

    name: str
    approximate: bool
    sha256: str
    attribution: tuple[str, ...]
    wards: int
    wards_policed: int
    boroughs: int
    boroughs_policed: int
    area_km2: float
    ward_links_by_land: int
    ward_links_by_river: int
    rows: tuple[BoroughDescription, ...]


def describe(study_area: StudyArea) -> tuple[BoroughDescription, ...]:
    """Return one row a borough, sorted by code; areas in square kilometres to 0.01."""
    near = borough_neighbours(study_area)
    counts = study_area.wards.groupby("borough_code").size()
    area_km2 = (study_area.boroughs.geometry.area / 1e6).round(2)
    return tuple(
        BoroughDescription(
            code=str(borough.borough_code),
            name=str(borough.borough_name),
            policed=bool(borough.policed),
            wards=int(counts[borough.borough_code]),
            area_km2=float(area_km2[borough.Index]),
            neighbours=near[str(borough.borough_code)],
            approximate=study_area.approximate,
        )
        for borough in study_area.boroughs.itertuples()
    )


def describe_study_area(study_area: StudyArea) -> StudyAreaDescription:
    """Return the totals of a study area together with its rows."""
    rows = describe(study_area)
    kinds = study_area.ward_links["kind"]
    return StudyAreaDescription(
        name=study_area.name,
        approximate=study_area.approximate,
        sha256=study_area.sha256,
        attribution=study_area.attribution,
        wards=len(study_area.wards),
        wards_policed=int(study_area.wards["policed"].sum()),
        boroughs=len(study_area.boroughs),
        boroughs_policed=int(study_area.boroughs["policed"].sum()),
        area_km2=round(float(study_area.boroughs.geometry.area.sum()) / 1e6, 2),
        ward_links_by_land=int((kinds == "land").sum()),
        ward_links_by_river=int((kinds == "river").sum()),
        rows=rows,
    )
