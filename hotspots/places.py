"""The policed wards and boroughs as arrays, and where each record lies among them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hotspots.boundaries.study_area import StudyArea, locate_wards, nearest_wards
from hotspots.errors import AssessmentRefusedError

NOWHERE = -1
#: A point this near to a ward, and in none, belongs to it: public points are moved on purpose.
NEAR_M = 250.0


@dataclass(frozen=True, eq=False)
class PolicedPlaces:
    """Codes of the W policed wards and B policed boroughs, sorted, and how they nest.

    ``borough_of_ward`` is int (W,): the index of each ward's borough.
    """

    ward_codes: tuple[str, ...]
    borough_codes: tuple[str, ...]
    borough_of_ward: NDArray[np.intp]

    @cached_property
    def ward_index(self) -> dict[str, int]:
        """Return the position of each ward code."""
        return {code: number for number, code in enumerate(self.ward_codes)}

    @cached_property
    def borough_index(self) -> dict[str, int]:
        """Return the position of each borough code."""
        return {code: number for number, code in enumerate(self.borough_codes)}

    @cached_property
    def wards_in_borough(self) -> NDArray[np.int64]:
        """Return int (B,): the number of wards of each borough."""
        return np.bincount(self.borough_of_ward, minlength=len(self.borough_codes))

    def wards(self, codes: pd.Series) -> NDArray[np.intp]:
        """Return the ward index of each code, -1 for one that is no policed ward."""
        return _lookup(codes, self.ward_index)

    def boroughs(self, codes: pd.Series) -> NDArray[np.intp]:
        """Return the borough index of each code, -1 for one that is no policed borough."""
        return _lookup(codes, self.borough_index)

    def covered_wards(self, areas: Iterable[str] | None) -> NDArray[np.bool_]:
        """Return bool (W,): the wards named, or in a borough named; all for ``None``."""
        if areas is None:
            return np.ones(len(self.ward_codes), dtype=bool)
        wards = np.zeros(len(self.ward_codes), dtype=bool)
        for code in areas:
            if code in self.ward_index:
                wards[self.ward_index[code]] = True
            elif code in self.borough_index:
                wards |= self.borough_of_ward == self.borough_index[code]
        return wards

    def covered_boroughs(self, areas: Iterable[str] | None) -> NDArray[np.bool_]:
        """Return bool (B,): the boroughs named; all for ``None``."""
        if areas is None:
            return np.ones(len(self.borough_codes), dtype=bool)
        return np.isin(self.borough_codes, sorted(areas))


@lru_cache(maxsize=4)
def policed_places(study_area: StudyArea) -> PolicedPlaces:
    """Return the policed wards and boroughs of a study area.

    Raises
    ------
    AssessmentRefusedError
        When no ward is policed.
    """
    wards = study_area.wards[study_area.wards["policed"].to_numpy(dtype=bool)]
    if not len(wards):
        raise AssessmentRefusedError(
            "no ward of the study area is policed",
            remedy="mark the policed wards in the boundary file",
        )
    ward_codes = wards["ward_code"].to_numpy(dtype=str)
    order = np.argsort(ward_codes, kind="stable")
    of_ward = wards["borough_code"].to_numpy(dtype=str)[order]
    boroughs = np.unique(of_ward)
    return PolicedPlaces(
        ward_codes=tuple(str(code) for code in ward_codes[order]),
        borough_codes=tuple(str(code) for code in boroughs),
        borough_of_ward=np.searchsorted(boroughs, of_ward),
    )


def place_records(
    records: pd.DataFrame, places: PolicedPlaces, study_area: StudyArea
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the ward and the borough index of each record, -1 where it has none.

    A point gives both; an area code gives a ward and its borough, or only a borough.
    """
    ward = places.wards(records["area_code"])
    borough = places.boroughs(records["area_code"])
    x, y = records["x_m"].to_numpy(float), records["y_m"].to_numpy(float)
    has_point = np.isfinite(x) & np.isfinite(y)
    if has_point.any():
        codes = _nearest_where_outside(study_area, x[has_point], y[has_point])
        ward[has_point] = places.wards(pd.Series(codes, dtype="str"))
    in_ward = ward != NOWHERE
    borough[in_ward] = places.borough_of_ward[ward[in_ward]]
    return ward, borough


def _nearest_where_outside(
    study_area: StudyArea, x_m: NDArray[np.float64], y_m: NDArray[np.float64]
) -> NDArray[np.str_]:
    codes = locate_wards(study_area, x_m, y_m)
    outside = np.flatnonzero(codes == "")
    if len(outside):
        nearest, distance_m = nearest_wards(study_area, x_m[outside], y_m[outside])
        codes[outside] = np.where(distance_m <= NEAR_M, nearest, "")
    return codes


def _lookup(codes: pd.Series, index: dict[str, int]) -> NDArray[np.intp]:
    number, unique = pd.factorize(codes, use_na_sentinel=False)
    return np.array([index.get(code, NOWHERE) for code in unique], dtype=np.intp)[number]
