"""Points to wards: which ward holds a point, which is nearest, where a ward's centre is."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from hotspots.boundaries.schema import StudyArea
from hotspots.errors import AssessmentRefusedError

Floats = NDArray[np.float64]
#: Points already looked up, by study area, in order, and the indices of their wards.
_LOCATED: WeakKeyDictionary[StudyArea, tuple[NDArray[np.complex128], NDArray[np.int64]]] = (
    WeakKeyDictionary()
)
#: No more points of a study area are kept than this: 24 bytes each.
_MOST_LOCATED = 500_000


def locate_wards(study_area: StudyArea, x_m: ArrayLike, y_m: ArrayLike) -> NDArray[np.str_]:
    """Return the code of the ward that holds each point, and ``""`` outside every ward.

    A point on a boundary belongs to the ward with the smallest code among those that touch
    it, so that the answer does not depend on the order of points or polygons.

    Parameters
    ----------
    study_area
        Any study area.
    x_m, y_m
        Eastings and northings, shape (n_points,), EPSG:27700. A point with a coordinate
        that is not finite is outside.

    Returns
    -------
    numpy.ndarray
        Ward codes, shape (n_points,), dtype str.

    Raises
    ------
    AssessmentRefusedError
        When the two coordinate arrays differ in shape.
    """
    codes = study_area.wards["ward_code"].to_numpy(dtype=str)
    x, y, finite = _checked(x_m, y_m)
    places, of_place = np.unique(x[finite] + 1j * y[finite], return_inverse=True)
    found = np.zeros(len(finite), dtype=codes.dtype)
    found[finite] = np.append(codes, "")[_owners(study_area, places)[of_place]]
    return found


def _owners(study_area: StudyArea, places: NDArray[np.complex128]) -> NDArray[np.int64]:
    """Return the index of the ward of each place, the number of wards outside all of them.

    Public feeds put many events on the same points, month after month: a point of a study area
    is looked up once.
    """
    nothing = np.zeros(0, dtype=np.complex128), np.zeros(0, dtype=np.int64)
    known, owners = _LOCATED.get(study_area, nothing)
    at = np.minimum(np.searchsorted(known, places), max(len(known) - 1, 0))
    seen = known[at] == places if len(known) else np.zeros(len(places), dtype=bool)
    found = np.empty(len(places), dtype=np.int64)
    found[seen] = owners[at[seen]]
    if not seen.all():
        found[~seen] = _looked_up(study_area, places[~seen])
        if len(known) + len(places) <= _MOST_LOCATED:
            every = np.concatenate([known, places[~seen]])
            order = np.argsort(every)
            _LOCATED[study_area] = every[order], np.concatenate([owners, found[~seen]])[order]
    return found


def _looked_up(study_area: StudyArea, places: NDArray[np.complex128]) -> NDArray[np.int64]:
    # The tree holds the points and GEOS prepares the polygons: 20 times faster than the reverse.
    wards, hits = shapely.STRtree(_points(places.real, places.imag)).query(
        study_area.wards.geometry.to_numpy(), predicate="intersects"
    )
    owner = np.full(len(places), len(study_area.wards), dtype=np.int64)
    np.minimum.at(owner, hits, wards)  # rows are sorted by code: the smallest index wins
    return owner


def nearest_wards(
    study_area: StudyArea, x_m: ArrayLike, y_m: ArrayLike
) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """Return the nearest ward of each point and the distance to it in metres.

    Parameters
    ----------
    study_area
        Any study area.
    x_m, y_m
        Eastings and northings, shape (n_points,), EPSG:27700.

    Returns
    -------
    codes
        Ward codes, shape (n_points,); ``""`` where a coordinate is not finite. Of wards
        equally near, the smallest code.
    distance_m
        Shape (n_points,): 0 inside or on a boundary, infinite where a coordinate is not
        finite.

    Raises
    ------
    AssessmentRefusedError
        When the two coordinate arrays differ in shape.
    """
    codes = study_area.wards["ward_code"].to_numpy(dtype=str)
    x, y, finite = _checked(x_m, y_m)
    points = _points(x[finite], y[finite])
    found = np.zeros(len(finite), dtype=codes.dtype)
    distance_m = np.full(len(finite), np.inf)
    if len(points):
        tree = shapely.STRtree(study_area.wards.geometry.to_numpy())
        (hits, wards), near_m = tree.query_nearest(points, return_distance=True)
        owner = np.full(len(points), len(codes), dtype=np.int64)
        np.minimum.at(owner, hits, wards)
        nearest_m = np.empty(len(points))
        nearest_m[hits] = near_m
        found[finite] = codes[owner]
        distance_m[finite] = nearest_m
    return found, distance_m


def nearest_distance_m(
    study_area: StudyArea, x_m: ArrayLike, y_m: ArrayLike
) -> NDArray[np.float64]:
    """Return the distance in metres from each point to the study area, 0 inside it.

    Parameters and errors are those of :func:`nearest_wards`; the result has shape
    (n_points,) and is infinite where a coordinate is not finite.
    """
    return nearest_wards(study_area, x_m, y_m)[1]


def ward_centres(wards: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Return one point inside each polygon: its centroid, or a point on its surface.

    Parameters
    ----------
    wards
        Polygons, n rows.

    Returns
    -------
    numpy.ndarray
        Shape (n, 2): easting and northing in metres. The centroid where the polygon holds
        it, otherwise (crescents and rings) GEOS's point on surface.
    """
    polygons = wards.geometry.to_numpy()
    centres = shapely.centroid(polygons)
    outside = ~shapely.contains_properly(polygons, centres)
    centres[outside] = shapely.point_on_surface(polygons[outside])
    return shapely.get_coordinates(centres)


def _checked(x_m: ArrayLike, y_m: ArrayLike) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    x = np.asarray(x_m, dtype=np.float64)
    y = np.asarray(y_m, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise AssessmentRefusedError(
            f"eastings have shape {x.shape} and northings {y.shape}",
            remedy="give two one-dimensional arrays of the same length",
        )
    return x, y, np.isfinite(x) & np.isfinite(y)


def _points(x_m: Floats, y_m: Floats) -> NDArray[np.object_]:
    return np.atleast_1d(np.asarray(shapely.points(x_m, y_m), dtype=object))
