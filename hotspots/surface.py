"""The risk surface: each ward's posterior mean spread over its lattice cells.

Published ward counts and the pooled prior have no places inside a ward and are spread evenly
over it; the part that comes with points follows a kernel density of those points. The cells
of a ward always sum to its posterior mean.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy import spatial

from hotspots.boundaries.study_area import StudyArea, locate_wards
from hotspots.grid import Grid, clip_grid
from hotspots.kernel_density import cell_mass
from hotspots.places import NOWHERE, PolicedPlaces

Floats = NDArray[np.float64]
CELL_SIZE_M = 250.0


@lru_cache(maxsize=4)
def policed_grid(study_area: StudyArea, *, cell_size_m: float = CELL_SIZE_M) -> Grid:
    """Return the lattice clipped to the policed boroughs."""
    policed = study_area.boroughs[study_area.boroughs["policed"].to_numpy(dtype=bool)]
    return clip_grid(shapely.union_all(policed.geometry.to_numpy()), cell_size_m=cell_size_m)


def ward_cells(
    study_area: StudyArea,
    places: PolicedPlaces,
    grid: Grid,
    *,
    mean_per_week: Floats,
    evidence_per_week: Floats,
    points: tuple[Floats, Floats, Floats, NDArray[np.intp]],
    bandwidth_m: float,
) -> pd.DataFrame:
    """Spread posterior means over cells.

    Parameters
    ----------
    study_area, places, grid
        The area, its policed wards, and the lattice over them.
    mean_per_week, evidence_per_week
        float64 (W,): posterior mean of each ward and the part of it that is evidence from
        the ward rather than prior.
    points
        x, y in metres, weight and ward index of the P weighed points.
    bandwidth_m
        Radius of the quartic kernel.

    Returns
    -------
    pandas.DataFrame
        ``x_m``, ``y_m`` (centre) and ``expected_per_week`` of every inside cell.
    """
    x_m, y_m = grid.centres()
    owner = _owners(study_area, places, grid)
    n_wards = len(places.ward_codes)
    area = grid.area_share[grid.inside]
    area_of_ward = np.bincount(owner, area, n_wards)
    point_x, point_y, weight, point_ward = points
    held = point_ward != NOWHERE
    density = cell_mass(
        point_x[held], point_y[held], weight[held], grid, bandwidth_m=bandwidth_m, kernel="quartic"
    )
    density_of_ward = np.bincount(owner, density, n_wards)
    placed = np.bincount(point_ward[held], weight[held], n_wards)
    followed = np.where(density_of_ward > 0, np.minimum(evidence_per_week, placed), 0.0)
    even = (mean_per_week - followed)[owner] * area / area_of_ward[owner]
    scale = np.divide(followed, density_of_ward, out=np.zeros(n_wards), where=density_of_ward > 0)
    expected = even + density * scale[owner]
    expected += _without_cells(study_area, places, owner, mean_per_week, (x_m, y_m))
    return pd.DataFrame({"x_m": x_m, "y_m": y_m, "expected_per_week": expected})


@lru_cache(maxsize=4)
def _owners(study_area: StudyArea, places: PolicedPlaces, grid: Grid) -> NDArray[np.intp]:
    """Return the policed ward of each cell: of its centre, else the nearest one."""
    x_m, y_m = grid.centres()
    codes = pd.Series(locate_wards(study_area, x_m, y_m), dtype="str")
    owner = places.wards(codes)
    lost = np.flatnonzero(owner == NOWHERE)
    if len(lost):
        tree = shapely.STRtree(_policed_polygons(study_area, places).tolist())
        owner[lost] = tree.nearest(shapely.points(x_m[lost], y_m[lost]))
    return owner


def _without_cells(
    study_area: StudyArea,
    places: PolicedPlaces,
    owner: NDArray[np.intp],
    mean_per_week: Floats,
    centres: tuple[Floats, Floats],
) -> Floats:
    """Return the mass of wards too small to hold a cell centre, given to the nearest cell."""
    extra = np.zeros(len(owner))
    missing = np.flatnonzero(np.bincount(owner, minlength=len(places.ward_codes)) == 0)
    if len(missing):
        inside = shapely.point_on_surface(_policed_polygons(study_area, places)[missing])
        cells = spatial.cKDTree(np.column_stack(centres)).query(shapely.get_coordinates(inside))[1]
        np.add.at(extra, cells, mean_per_week[missing])
    return extra


def _policed_polygons(study_area: StudyArea, places: PolicedPlaces) -> NDArray[np.object_]:
    by_code = study_area.wards.set_index("ward_code").geometry
    return np.asarray(by_code.loc[list(places.ward_codes)].to_numpy(), dtype=object)
