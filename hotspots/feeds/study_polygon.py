"""The boundary of a city as one polygon in a metric system, for ``arv forecast``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from hotspots.errors import BoundaryRefusedError, CoordinateSystemRefusedError
from hotspots.feeds.typed_tables import without_extension_warning

_MAX_BYTES = 512 * 2**20
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
    """Return the union of the polygons in a file, reprojected to a metric system.

    Parameters
    ----------
    path
        GeoPackage, GeoJSON, or another vector file with one layer of polygons and a CRS.
    crs_epsg
        EPSG code of the system to return, projected and in metres.

    Raises
    ------
    BoundaryRefusedError
        The file cannot be read, has no CRS, or holds no valid polygon.
    CoordinateSystemRefusedError
        The system asked for is not projected in metres.
    """
    target = metric_crs(crs_epsg)
    path = Path(path)
    content = _content(path)
    try:
        with without_extension_warning():
            meta, _, wkb, _ = pyogrio.raw.read(content, columns=[])
        shapes = np.asarray(shapely.from_wkb(wkb), dtype=object)
    except Exception as error:  # GDAL reports damage under many exception types
        raise BoundaryRefusedError(
            f"no layer of polygons can be read ({type(error).__name__}: {str(error)[:120]})",
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
    return _united(shapes, str(crs), target, path.name)


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BoundaryRefusedError(
                f"the boundary file is larger than {_MAX_BYTES:,} bytes",
                remedy="simplify the polygons",
                file=path.name,
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise BoundaryRefusedError(
            f"the file cannot be opened ({getattr(error, 'strerror', None) or error})",
            remedy="check the path and that you may read it",
            file=path.name,
        ) from error


def _check_shapes(shapes: np.ndarray[tuple[int], np.dtype[np.object_]], file: str) -> None:
    kinds = shapely.get_type_id(shapes)
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


def _united(
    shapes: np.ndarray[tuple[int], np.dtype[np.object_]], crs: str, target: str, file: str
) -> BaseGeometry:
    transformer = Transformer.from_crs(crs, target, always_xy=True)
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
    united: BaseGeometry = shapely.union_all(shapely.make_valid(moved))
    return united
