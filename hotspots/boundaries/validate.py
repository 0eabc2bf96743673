"""Read a file of polygons and refuse, by name, everything that would spoil a risk picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from hotspots.boundaries.columns import choose_columns
from hotspots.boundaries.schema import CRS
from hotspots.boundaries.vector_file import gdal_words, steady_source
from hotspots.errors import BoundaryRefusedError, CoordinateSystemRefusedError

#: Bounds on what is read: England has about 7,000 wards; London's at full resolution have
#: about 1.5 million vertices, generalised to 20 m (BGC) about 90,000.
MAX_FEATURES = 20_000
MAX_VERTICES = 2_000_000
MAX_BYTES = 512 * 1024**2
#: Eastings and northings of British National Grid: (x_min, y_min, x_max, y_max).
GRID_BOUNDS_M = (0.0, 0.0, 700_000.0, 1_300_000.0)
#: Two wards may overlap by this share of the smaller one (generalised edges), not more.
MAX_OVERLAP_SHARE = 0.2
_SUFFIXES = (".gpkg", ".geojson", ".json")
_REPROJECT = (
    "open the file in a GIS and save it in EPSG:27700 (British National Grid), or run "
    "ogr2ogr -t_srs EPSG:27700 new.gpkg old-file"
)


def read_polygons(
    path: Path, fields: Sequence[str], mapping: Mapping[str, str] | None = None
) -> gpd.GeoDataFrame:
    """Return the polygons of a file with the product's own column names, sorted by code.

    Parameters
    ----------
    path
        GeoPackage (one layer) or GeoJSON, in a projected coordinate system.
    fields
        Columns wanted, the code first: see :mod:`hotspots.boundaries.columns`.
    mapping
        Field to column of the file, for names that are not recognised.

    Returns
    -------
    geopandas.GeoDataFrame
        The fields that the file has and ``geometry`` (valid polygons), EPSG:27700.

    Raises
    ------
    CoordinateSystemRefusedError
        No coordinate system, or one in degrees.
    BoundaryRefusedError
        Anything else: not a geometry file, no features, a missing column, a blank or repeated
        code, an empty, crossing or non-polygon geometry, coordinates that are not finite or
        not in Great Britain, or a file above the bounds of this module.
    """
    _refuse_by_size(path)
    frame = _open(path)
    _refuse_system(frame.crs, path)
    columns = [str(column) for column in frame.columns if column != frame.geometry.name]
    names = choose_columns(columns, fields, mapping, path.name)
    renamed = {column: field for field, column in names.items()}
    frame = frame[[*renamed, frame.geometry.name]].rename(columns=renamed)
    code = fields[0]
    _refuse_codes(frame, code, names[code], path.name)
    _refuse_shapes(frame.geometry, path.name)
    for field in renamed.values():
        frame[field] = frame[field].astype("str").fillna("").str.strip()
    frame["geometry"] = shapely.force_2d(frame.geometry.to_numpy())
    if frame.crs != pyproj.CRS(CRS):
        frame = frame.to_crs(CRS)
    _refuse_outside_grid(frame.geometry, path.name)
    return frame.sort_values(code, ignore_index=True)


def _refuse_by_size(path: Path) -> None:
    if not path.is_file():
        raise BoundaryRefusedError(
            "there is no such file", file=str(path), remedy="check the path of the boundary file"
        )
    if path.suffix.lower() not in _SUFFIXES:
        raise BoundaryRefusedError(
            f"files that end in {path.suffix or 'nothing'!r} are not read",
            file=path.name,
            remedy="give a GeoPackage (.gpkg) or GeoJSON (.geojson) file",
        )
    if path.stat().st_size > MAX_BYTES:
        raise BoundaryRefusedError(
            f"the file has {path.stat().st_size:,} bytes (bound {MAX_BYTES:,})",
            file=path.name,
            remedy="give generalised boundaries of London alone",
        )


def _open(path: Path) -> gpd.GeoDataFrame:
    try:
        with steady_source(path, MAX_BYTES) as source:
            frame = _read(source, path.name)
    except BoundaryRefusedError:
        raise
    except Exception as error:  # GDAL reports damage under many exception types
        _refuse_file(path, gdal_words(error))
    if not isinstance(frame, gpd.GeoDataFrame):
        _refuse_file(path, "it has no geometry column")
    if frame.empty:
        raise BoundaryRefusedError(
            "the file holds no features", file=path.name, remedy="give a file of polygons"
        )
    return frame


def _read(source: str, file: str) -> object:
    layers = pyogrio.list_layers(source)
    if len(layers) > 1:
        raise BoundaryRefusedError(
            f"the file has {len(layers)} layers",
            file=file,
            value=", ".join(str(name) for name in layers[:, 0]),
            remedy="save the layer of boundaries alone to a file",
        )
    count = int(pyogrio.read_info(source, force_feature_count=True)["features"])
    if count > MAX_FEATURES:
        raise BoundaryRefusedError(
            f"the file has {count:,} features (bound {MAX_FEATURES:,})",
            file=file,
            remedy="give the boundaries of London alone",
        )
    with np.errstate(invalid="ignore"):  # NaN coordinates are refused by name below
        return gpd.read_file(source)


def _refuse_file(path: Path, reason: object) -> NoReturn:
    raise BoundaryRefusedError(
        f"this is not a geometry file ({reason})",
        file=path.name,
        remedy="give a GeoPackage or GeoJSON file of polygons that a GIS can open",
    )


def _refuse_system(crs: pyproj.CRS | None, path: Path) -> None:
    if crs is None:
        raise CoordinateSystemRefusedError(
            "the file does not say which coordinate system it is in",
            file=path.name,
            remedy="set the coordinate system in a GIS, or run ogr2ogr -a_srs EPSG:27700 "
            "new.gpkg old-file if the coordinates are British National Grid",
        )
    if crs.is_geographic:
        geojson = path.suffix.lower() != ".gpkg"
        standard = " (GeoJSON is in degrees unless it declares another system)" if geojson else ""
        raise CoordinateSystemRefusedError(
            f"coordinates are in degrees{standard}, and distances need metres",
            file=path.name,
            value=crs.name,
            remedy=_REPROJECT,
        )
    if not crs.is_projected:
        raise CoordinateSystemRefusedError(
            "the coordinate system is not a projected one",
            file=path.name,
            value=crs.name,
            remedy=_REPROJECT,
        )


def _refuse_codes(frame: gpd.GeoDataFrame, code: str, column: str, file: str) -> None:
    codes = frame[code].astype("str").str.strip()
    blank = frame[code].isna() | codes.isin(["", "nan", "None"])
    if blank.any():
        raise BoundaryRefusedError(
            "the code is blank",
            file=file,
            row=_first(blank),
            column=column,
            remedy="give every polygon a code, or name the right column",
        )
    repeated = codes.duplicated()
    if repeated.any():
        row = _first(repeated)
        earlier = _first(codes == codes.iloc[row - 1])
        raise BoundaryRefusedError(
            f"the code is repeated (first in row {earlier})",
            file=file,
            row=row,
            column=column,
            value=codes.iloc[row - 1],
            remedy="give one feature a code: dissolve parts of one area into a multipolygon",
        )


def _refuse_shapes(shapes: gpd.GeoSeries, file: str) -> None:
    polygons = shapes.to_numpy()
    vertices = int(shapely.get_num_coordinates(polygons).sum())
    if vertices > MAX_VERTICES:
        raise BoundaryRefusedError(
            f"the polygons have {vertices:,} vertices (bound {MAX_VERTICES:,})",
            file=file,
            remedy="give generalised boundaries (ONS: BGC), or simplify them with a "
            "topology-preserving tool",
        )
    _refuse_where(
        shapely.is_missing(polygons) | shapely.is_empty(polygons),
        "the geometry is empty",
        "draw the polygon or remove the feature",
        file,
    )
    _refuse_where(
        ~np.isin(shapely.get_type_id(polygons), (3, 6)),
        "the geometry is not a polygon",
        "give polygons or multipolygons",
        file,
        lambda row: polygons[row].geom_type,
    )
    points, owner = shapely.get_coordinates(polygons, return_index=True)
    infinite = np.zeros(len(polygons), dtype=bool)
    infinite[owner[~np.isfinite(points).all(axis=1)]] = True
    _refuse_where(infinite, "a coordinate is not a finite number", "correct the coordinates", file)
    _refuse_where(
        ~shapely.is_valid(polygons),
        "the polygon crosses or touches itself",
        "repair it in a GIS (Fix geometries, or ST_MakeValid) and look at the result",
        file,
        lambda row: shapely.is_valid_reason(polygons[row]),
    )
    _refuse_where(
        shapely.area(polygons) <= 0, "the polygon has no area", "remove the feature", file
    )


def _refuse_outside_grid(shapes: gpd.GeoSeries, file: str) -> None:
    bounds = shapely.bounds(shapes.to_numpy())
    x_min, y_min, x_max, y_max = GRID_BOUNDS_M
    inside = np.isfinite(bounds).all(axis=1) & (bounds[:, :2] >= (x_min, y_min)).all(axis=1)
    inside &= (bounds[:, 2:] <= (x_max, y_max)).all(axis=1)
    _refuse_where(
        ~inside,
        "the polygon lies outside Great Britain (eastings 0 to 700,000 m, northings 0 to "
        "1,300,000 m)",
        "check the declared coordinate system and the order of eastings and northings",
        file,
        lambda row: tuple(round(float(bound)) for bound in bounds[row]),
    )


def refuse_overlaps(wards: gpd.GeoDataFrame, file: str) -> None:
    """Refuse wards of which two lie on one another, as when two vintages are in one file.

    Raises
    ------
    BoundaryRefusedError
        When the overlap of two wards exceeds ``MAX_OVERLAP_SHARE`` of the smaller.
    """
    polygons = wards.geometry.to_numpy()
    first, second = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    first, second = first[first < second], second[first < second]
    shared_m2 = shapely.area(shapely.intersection(polygons[first], polygons[second]))
    smaller_m2 = np.minimum(shapely.area(polygons)[first], shapely.area(polygons)[second])
    bad = np.flatnonzero(shared_m2 > MAX_OVERLAP_SHARE * smaller_m2)
    if len(bad):
        codes = wards["ward_code"].to_numpy(dtype=str)
        one, two = codes[first[bad[0]]], codes[second[bad[0]]]
        raise BoundaryRefusedError(
            f"the wards {one} and {two} overlap by {shared_m2[bad[0]] / smaller_m2[bad[0]]:.0%} "
            f"of the smaller one (bound {MAX_OVERLAP_SHARE:.0%})",
            file=file,
            value=one,
            remedy="keep one vintage of the wards: no place may lie in two of them",
        )


def _refuse_where(
    wrong: NDArray[np.bool_] | np.bool_,
    problem: str,
    remedy: str,
    file: str,
    value: object = None,
) -> None:
    if np.any(wrong):
        row = _first(np.atleast_1d(wrong))
        shown = value(row - 1) if callable(value) else value
        raise BoundaryRefusedError(problem, file=file, row=row, value=shown, remedy=remedy)


def _first(wrong: NDArray[np.bool_] | pd.Series) -> int:
    return int(np.flatnonzero(np.asarray(wrong))[0]) + 1
