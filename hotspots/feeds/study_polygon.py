"""The boundary of a city as one polygon in a metric system, for ``arv forecast``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError
from shapely.geometry.base import BaseGeometry

from hotspots.boundaries.vector_file import gdal_words, steady_source
from hotspots.errors import BoundaryRefusedError, CoordinateSystemRefusedError

Polygons = np.ndarray[tuple[int], np.dtype[np.object_]]

_MAX_BYTES = 512 * 2**20
_MAX_VERTICES = 2_000_000
_METRES_REMEDY = "name a projected system in metres, for example EPSG:27700 or EPSG:32618"


def metric_crs(crs_epsg: int) -> str:
    """Return ``EPSG:N`` after checking that it is projected with both axes in metres.

    Raises
    ------
    CoordinateSystemRefusedError
        The code is unknown, geographic (degrees) or in another unit such as feet.
    """
    try:
        crs = CRS.from_epsg(crs_epsg)
    except (CRSError, ValueError, TypeError, OverflowError) as error:
        raise CoordinateSystemRefusedError(
            f"EPSG:{crs_epsg} is no known coordinate reference system", remedy=_METRES_REMEDY
        ) from error
    if not crs.is_projected:
        raise CoordinateSystemRefusedError(
            f"EPSG:{crs_epsg} ({crs.name}) is not projected: distances would be in degrees",
            remedy=_METRES_REMEDY,
        )
    units = {axis.unit_name for axis in crs.axis_info[:2]}
    if units != {"metre"}:
        raise CoordinateSystemRefusedError(
            f"EPSG:{crs_epsg} ({crs.name}) is in {', '.join(sorted(units))}, not in metres",
            remedy=_METRES_REMEDY,
        )
    return f"EPSG:{crs_epsg}"


def read_boundary(path: Path, *, crs_epsg: int) -> BaseGeometry:
    """Return the union of the polygons in a file; arguments and errors as `read_districts`."""
    united: BaseGeometry = shapely.union_all(read_districts(path, crs_epsg=crs_epsg))
    return united


def read_districts(path: Path, *, crs_epsg: int) -> Polygons:
    """Return the polygons in a file one by one, reprojected to a metric system.

    Parameters
    ----------
    path
        GeoPackage or GeoJSON with one layer of polygons and a CRS.
    crs_epsg
        EPSG code of the system to return, projected and in metres.

    Returns
    -------
    object (n_polygons,)
        Valid polygons and multipolygons, in the order of the file.

    Raises
    ------
    BoundaryRefusedError
        The file cannot be read, has no CRS, or holds no valid polygon.
    CoordinateSystemRefusedError
        The system asked for is not projected in metres.
    """
    target = metric_crs(crs_epsg)
    path = Path(path)
    try:
        with steady_source(path, _MAX_BYTES) as source:
            meta, _, wkb, _ = pyogrio.raw.read(source, columns=[])
        shapes = np.atleast_1d(np.asarray(shapely.from_wkb(wkb), dtype=object))
    except BoundaryRefusedError:
        raise
    except Exception as error:  # GDAL reports damage under many exception types
        raise BoundaryRefusedError(
            f"no layer of polygons can be read ({gdal_words(error)})",
            remedy="give a GeoPackage or GeoJSON with one layer of polygons",
            file=path.name,
        ) from error
    _check_shapes(shapes, path.name)
    crs = meta.get("crs")
    if not crs:
        raise BoundaryRefusedError(
            "the file names no coordinate reference system",
            remedy="set it when exporting, for example EPSG:4326",
            file=path.name,
        )
    return _reprojected(shapes, str(crs), target, path.name)


def _check_shapes(shapes: Polygons, file: str) -> None:
    kinds = shapely.get_type_id(shapes)
    vertices = int(shapely.get_num_coordinates(shapes).sum())
    if vertices > _MAX_VERTICES:
        raise BoundaryRefusedError(
            f"the polygons have {vertices:,} vertices (bound {_MAX_VERTICES:,})",
            remedy="simplify the polygons: the forecast needs them to a few metres only",
            file=file,
        )
    if not len(shapes) or not np.isin(kinds, (3, 6)).any():
        raise BoundaryRefusedError(
            "the file holds no polygon", remedy="give the study area as polygons", file=file
        )
    bad = np.flatnonzero(~np.isin(kinds, (3, 6)) | ~shapely.is_valid(shapes))
    if bad.size:
        shape = shapes[bad[0]]
        reason = "no geometry" if shape is None else shapely.is_valid_reason(shape)
        raise BoundaryRefusedError(
            f"the feature is no valid polygon ({str(reason)[:80]})",
            remedy="mend or remove the feature",
            file=file,
            row=int(bad[0]) + 1,
        )


def _reprojected(shapes: Polygons, crs: str, target: str, file: str) -> Polygons:
    try:
        transformer = Transformer.from_crs(crs, target, always_xy=True)
    except (CRSError, ProjError) as error:
        raise BoundaryRefusedError(
            f"the coordinate reference system of the file is not understood ({str(error)[:80]})",
            remedy="export the polygons in EPSG:4326 or a national grid",
            file=file,
        ) from error
    moved = shapely.transform(
        shapes,
        lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])),
    )
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise BoundaryRefusedError(
            f"the polygons cannot be expressed in {target}",
            remedy="name a system that covers the area",
            file=file,
        )
    return np.asarray(shapely.make_valid(moved), dtype=object)
