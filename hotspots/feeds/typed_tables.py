"""Tables from containers that carry types: Parquet, GeoPackage and GeoJSON."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from hotspots.boundaries.vector_file import computed_part, gdal_silenced
from hotspots.errors import FeedRefusedError
from hotspots.feeds.options import MEBIBYTE, ReadOptions
from hotspots.feeds.table import Geometry, Table, check_cells, check_names, text_frame

WGS84 = "EPSG:4326"
#: Parquet stores a repeated text once: below this many plain bytes a high ratio is harmless.
_RATIO_FLOOR_BYTES = 64 * MEBIBYTE


def table_from_parquet(content: bytes, file: str, options: ReadOptions) -> Table:
    """Read a Parquet file; every plain column becomes texts, nulls become ``""``."""
    try:
        arrow = read_bounded_parquet(content, file, options)
    except FeedRefusedError:
        raise
    except Exception as error:  # pyarrow raises OSError, ArrowException and plain ValueError
        raise _damaged("Parquet", error, file) from error
    return _from_arrow(arrow, file, options)


def read_bounded_parquet(content: bytes, file: str, options: ReadOptions) -> pa.Table:
    """Return the rows of a Parquet file whose size in memory was bounded beforehand.

    A few kilobytes of Parquet can hold one long text a million times. What the footer says is
    checked first; texts are then read as they are stored, one copy of each distinct value.

    Raises
    ------
    FeedRefusedError
        Rows, columns, values or unpacked bytes beyond the limits of ``options``.
    pyarrow.ArrowException, OSError, ValueError
        The file is damaged.
    """
    meta = pq.read_metadata(io.BytesIO(content))
    _check_size(meta.num_rows, file, options)
    check_names([str(name).strip() for name in meta.schema.to_arrow_schema().names], file, options)
    groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
    chunks = [group.column(j) for group in groups for j in range(group.num_columns)]
    check_cells(sum(chunk.num_values for chunk in chunks), file, options)
    _check_unpacked(sum(group.total_byte_size for group in groups), file, options)
    stored = (meta.schema.column(i) for i in range(meta.num_columns))
    texts = [column.path for column in stored if column.physical_type == "BYTE_ARRAY"]
    arrow = pq.ParquetFile(io.BytesIO(content), read_dictionary=texts).read()
    arrow.validate(full=True)  # texts that are no UTF-8 among others
    plain = sum(_plain_bytes(column) for column in arrow.columns)
    _check_unpacked(plain, file, options)
    _check_ratio(plain, len(content), file, options)
    return arrow


def _plain_bytes(column: pa.ChunkedArray) -> int:
    """Return the bytes that a column takes when every value is written out."""
    if not pa.types.is_dictionary(column.type) or not (
        pa.types.is_string(column.type.value_type) or pa.types.is_binary(column.type.value_type)
    ):
        return int(column.nbytes)
    total = 0
    for chunk in column.chunks:
        lengths = pc.cast(pc.binary_length(chunk.dictionary), pa.int64())
        total += pc.sum(lengths.take(chunk.indices)).as_py() or 0
    return total


def _from_arrow(
    arrow: pa.Table, file: str, options: ReadOptions, geometry: Geometry | None = None
) -> Table:
    names = check_names([str(name).strip() for name in arrow.column_names], file, options)
    _check_size(arrow.num_rows, file, options)
    texts: dict[str, pa.ChunkedArray] = {}
    unreadable: list[str] = []
    for position, name in enumerate(names):
        column = _as_text(arrow.column(position))
        if column is None:
            unreadable.append(name)
        else:
            texts[name] = column
    rows = np.arange(1, arrow.num_rows + 1, dtype=np.int64)
    return Table(
        file, text_frame(texts), rows, geometry=geometry, unreadable_columns=tuple(unreadable)
    )


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    kind = column.type
    try:
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = column.type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            return None
        if pa.types.is_null(kind):
            return pa.chunked_array([pa.nulls(len(column), pa.string())])
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            column = column.cast(pa.timestamp(kind.unit, "UTC"))
        return pc.cast(column, pa.string())
    except (pa.ArrowException, ValueError):
        return None


def table_from_geopackage(content: bytes, file: str, options: ReadOptions) -> Table:
    """Read the one feature layer of a GeoPackage, with its point geometry."""
    try:
        _refuse_computed(content, file)
        with gdal_silenced():
            return _layer_table(content, file, options)
    except FeedRefusedError:
        raise
    except Exception as error:  # GDAL reports damage under many exception types
        raise _damaged("GeoPackage", error, file) from error


def _refuse_computed(content: bytes, file: str) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(content)
        computed = computed_part(database)
    if computed:
        raise FeedRefusedError(
            f"the GeoPackage holds the {computed}, which would have to be run to be read",
            remedy="export the layer itself to a new GeoPackage",
            file=file,
        )


def _layer_table(content: bytes, file: str, options: ReadOptions) -> Table:
    layers = pyogrio.list_layers(content)
    spatial = [str(name) for name, _ in layers]
    if len(spatial) != 1:
        raise FeedRefusedError(
            f"the GeoPackage holds {len(spatial)} layers ({', '.join(spatial[:6])})",
            remedy="export one layer to a file",
            file=file,
        )
    info = pyogrio.read_info(content, layer=spatial[0])
    _check_size(max(int(info["features"]), 0), file, options)
    meta, arrow = pyogrio.read_arrow(content, layer=spatial[0], datetime_as_string=True)
    arrow.validate(full=True)  # texts that are no UTF-8 among others
    column = str(meta.get("geometry_name") or "wkb_geometry")
    if column not in arrow.column_names:
        return _from_arrow(arrow, file, options)
    geometry = _geometry_from_wkb(arrow.column(column), meta.get("crs"), file)
    return _from_arrow(arrow.drop_columns([column]), file, options, geometry)


def _geometry_from_wkb(column: pa.ChunkedArray, crs: str | None, file: str) -> Geometry:
    shapes = shapely.from_wkb(column.to_numpy(zero_copy_only=False), on_invalid="ignore")
    if not crs:
        raise FeedRefusedError(
            "the layer names no coordinate reference system",
            remedy="set it to EPSG:27700 (British National Grid) and export again",
            file=file,
        )
    shapes = np.asarray(shapes, dtype=object)
    is_point = shapely.get_type_id(shapes) == 0
    kind = np.array(["" if s is None else str(s.geom_type) for s in shapes], dtype=object)
    points = shapes.copy()
    points[~is_point] = None
    return Geometry(shapely.get_x(points), shapely.get_y(points), kind, _checked_crs(crs, file))


def _checked_crs(crs: str, file: str) -> str:
    try:
        return str(CRS.from_user_input(crs).to_wkt())
    except (CRSError, UnicodeEncodeError) as error:  # half a character is no name
        raise FeedRefusedError(
            f"the coordinate reference system is not understood ({str(error)[:80]})",
            remedy="export in EPSG:27700 (British National Grid) or EPSG:4326 (WGS84)",
            file=file,
        ) from error


def table_from_geojson(content: bytes, file: str, options: ReadOptions) -> Table:
    """Read a GeoJSON FeatureCollection of points.

    WGS84 unless an old-style ``crs`` member names another system (RFC 7946 section 4).
    """
    document = parse_json(content, file)
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(features, list):
        raise FeedRefusedError(
            "the JSON is not a GeoJSON FeatureCollection",
            remedy="export the feed as a GeoJSON FeatureCollection of points",
            file=file,
        )
    _check_size(len(features), file, options)
    if not features:
        raise FeedRefusedError(
            "the FeatureCollection holds no feature",
            remedy="export the feed again; a feed without records is not given",
            file=file,
        )
    properties = [_mapping(f, "properties") for f in features]
    names = list(dict.fromkeys(str(key) for row in properties for key in row))
    stripped = [n.strip() or f"(unnamed {i})" for i, n in enumerate(names, start=1)]
    check_names(stripped, file, options)
    check_cells(len(stripped) * len(features), file, options)
    texts = {
        label: pa.chunked_array([pa.array([_plain(row.get(name)) for row in properties])])
        for label, name in zip(stripped, names, strict=True)
    }
    texts = {label: pc.cast(values, pa.string()) for label, values in texts.items()}
    geometry = _geometry_from_features(features, _declared_crs(document, file))
    rows = np.arange(1, len(features) + 1, dtype=np.int64)
    return Table(file, text_frame(texts), rows, geometry=geometry)


def parse_json(content: bytes, file: str) -> object:
    """Parse JSON text, refusing what is broken or nested too deeply."""
    try:
        text = content.decode("utf-8-sig")
        return json.loads(text)
    except UnicodeDecodeError as error:
        raise FeedRefusedError(
            f"the JSON is not UTF-8 (byte {error.start:,})",
            remedy="export it again as UTF-8",
            file=file,
        ) from error
    except RecursionError as error:
        raise FeedRefusedError(
            "the JSON is nested too deeply",
            remedy="give a plain FeatureCollection of points",
            file=file,
        ) from error
    except ValueError as error:
        raise FeedRefusedError(
            f"the JSON cannot be parsed ({str(error)[:80]})",
            remedy="export the file again",
            file=file,
        ) from error


def _mapping(feature: object, key: str) -> Mapping[str, object]:
    value = feature.get(key) if isinstance(feature, dict) else None
    return value if isinstance(value, dict) else {}


def _plain(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, (bool, int, float)):
        return str(value)[:400]
    return f"({type(value).__name__})"


def _declared_crs(document: Mapping[str, object], file: str) -> str:
    name = _mapping({"crs": document.get("crs")}, "crs").get("properties")
    declared = name.get("name") if isinstance(name, dict) else None
    if document.get("crs") is None:
        return WGS84
    if not isinstance(declared, str):
        raise FeedRefusedError(
            "the 'crs' member names no coordinate reference system",
            remedy="leave it out (WGS84) or name EPSG:27700",
            file=file,
        )
    return _checked_crs(declared, file)


def _geometry_from_features(features: Sequence[object], crs: str) -> Geometry:
    n = len(features)
    x: NDArray[np.float64] = np.full(n, np.nan)
    y: NDArray[np.float64] = np.full(n, np.nan)
    kind = np.full(n, "", dtype=object)
    for i, feature in enumerate(features):
        shape = _mapping(feature, "geometry")
        if not shape:
            continue
        kind[i] = str(shape.get("type"))[:40]
        pair = shape.get("coordinates")
        if kind[i] == "Point" and isinstance(pair, list) and 2 <= len(pair) <= 4:
            x[i], y[i] = _number(pair[0]), _number(pair[1])
    return Geometry(x, y, kind, crs)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return float("nan")
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _check_size(rows: int, file: str, options: ReadOptions) -> None:
    if rows > options.max_rows:
        raise FeedRefusedError(
            f"the file has {rows:,} rows, above the limit of {options.max_rows:,}",
            remedy="split it by month or raise max_rows",
            file=file,
        )


def _check_unpacked(unpacked_bytes: int, file: str, options: ReadOptions) -> None:
    if unpacked_bytes > options.max_decompressed_bytes:
        raise FeedRefusedError(
            f"the file unpacks to {unpacked_bytes:,} bytes, above the limit of "
            f"{options.max_decompressed_bytes:,}",
            remedy="split it by month or raise max_decompressed_bytes",
            file=file,
        )


def _check_ratio(plain: int, packed: int, file: str, options: ReadOptions) -> None:
    """Refuse what unpacks to many times its size; see :func:`raw_file.gunzip` for text."""
    if plain > _RATIO_FLOOR_BYTES and plain > options.max_compression_ratio * packed:
        raise FeedRefusedError(
            f"the file unpacks to {plain:,} bytes, {plain / packed:,.0f} times its size; the limit "
            f"is {options.max_compression_ratio:,.0f} times",
            remedy="check that it is a feed and not a decompression bomb",
            file=file,
        )


def _damaged(kind: str, error: Exception, file: str) -> FeedRefusedError:
    return FeedRefusedError(
        f"the {kind} file cannot be read ({type(error).__name__}: {str(error)[:120]})",
        remedy="copy or export it again",
        file=file,
    )
