"""The study area: wards, boroughs and which of them a vehicle can drive between.

Everything is in EPSG:27700 (British National Grid, metres). :func:`load_bundled` gives the
boundaries that travel with the product; :mod:`hotspots.boundaries.replacement` reads another
file in their place. Frames are copies of the caller's own: altering one alters nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray

from hotspots.errors import AssessmentRefusedError, BoundaryRefusedError

CRS = "EPSG:27700"
#: The City of London has its own police force: shown, not scored, not patrolled.
UNPOLICED_BOROUGHS = frozenset({"E09000001"})
WARD_COLUMNS = ("ward_code", "ward_name", "borough_code", "borough_name", "policed", "geometry")
BOROUGH_COLUMNS = ("borough_code", "borough_name", "policed", "geometry")
BOROUGH_LINK_COLUMNS = ("code_a", "code_b", "kind", "crossing", "open_to_motor_vehicles")
WARD_LINK_COLUMNS = ("code_a", "code_b", "kind", "distance_m")
BUNDLED_NAME = "London wards in force since May 2022, approximate (2025 postcodes)"
_DATA_FILES = (
    "wards.geojson",
    "boroughs.geojson",
    "borough_links.csv",
    "river_crossings.csv",
    "ward_links.csv",
)


@dataclass(frozen=True)
class StudyArea:
    """The places a risk picture speaks about, in EPSG:27700.

    Attributes
    ----------
    name
        What the boundaries are, in words a reader of a map understands.
    approximate
        True when the polygons are not the official ones; say so wherever they are shown.
    sha256
        Digest of the names and contents of every file the area was read from.
    attribution
        Lines that must stand on every map or paper drawn from the polygons.
    wards
        One row a ward, sorted by ``ward_code``: ``ward_code, ward_name, borough_code,
        borough_name, policed, geometry``.
    boroughs
        One row a borough, sorted by ``borough_code``: ``borough_code, borough_name,
        policed, geometry``.
    borough_links
        ``code_a < code_b, kind`` (land or river), ``crossing, open_to_motor_vehicles``.
    ward_links
        Pairs of wards a vehicle can drive between directly: ``code_a < code_b, kind``
        (land or river), ``distance_m`` between centres, by way of the crossing for a river.
    """

    name: str
    approximate: bool
    sha256: str
    attribution: tuple[str, ...]
    wards: gpd.GeoDataFrame
    boroughs: gpd.GeoDataFrame
    borough_links: pd.DataFrame
    ward_links: pd.DataFrame


def bundled_folder() -> Path:
    """Return the folder of the bundled boundaries: in the wheel, else in the checkout.

    Raises
    ------
    BoundaryRefusedError
        When neither is there, which means a broken installation.
    """
    installed = Path(str(resources.files("hotspots.boundaries"))) / "bundled"
    checkout = Path(__file__).resolve().parents[2] / "data" / "boundaries"
    for folder in (installed, checkout):
        if (folder / "wards.geojson").is_file():
            return folder
    raise BoundaryRefusedError(
        "the bundled boundaries are missing",
        file=str(checkout),
        remedy="reinstall arv-tasking, or restore data/boundaries in the checkout",
    )


def load_bundled() -> StudyArea:
    """Return the bundled London boundaries: 704 wards, 33 boroughs, and their links.

    Returns
    -------
    StudyArea
        Approximate wards (postcode-derived); see ``data/boundaries/PROVENANCE.md``.

    Raises
    ------
    BoundaryRefusedError
        When a bundled file is missing.
    """
    folder = bundled_folder()
    wards = gpd.read_file(folder / "wards.geojson")
    boroughs = gpd.read_file(folder / "boroughs.geojson")
    return StudyArea(
        name=BUNDLED_NAME,
        approximate=True,
        sha256=digest([folder / name for name in _DATA_FILES]),
        attribution=read_attribution(folder / "attribution.txt"),
        wards=wards[list(WARD_COLUMNS)],
        boroughs=boroughs[list(BOROUGH_COLUMNS)],
        borough_links=read_borough_links(folder / "borough_links.csv"),
        ward_links=pd.read_csv(folder / "ward_links.csv"),
    )


def read_borough_links(path: Path) -> pd.DataFrame:
    """Read a table of borough links, sorted by code, with ``code_a < code_b``.

    Parameters
    ----------
    path
        CSV with the columns ``code_a, code_b, kind, crossing, open_to_motor_vehicles``;
        further columns are ignored.

    Raises
    ------
    BoundaryRefusedError
        Naming the column or row that is wrong.
    """
    try:
        table = pd.read_csv(path, dtype={"crossing": "str"}, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise BoundaryRefusedError(
            f"the borough links cannot be read ({error})",
            file=path.name,
            remedy="give a CSV with the columns of data/boundaries/borough_links.csv",
        ) from error
    for column in BOROUGH_LINK_COLUMNS:
        if column not in table.columns:
            raise BoundaryRefusedError(
                f"the column {column!r} is missing",
                file=path.name,
                column=column,
                remedy="give a CSV with the columns of data/boundaries/borough_links.csv",
            )
    _refuse_bad_links(table, path.name)
    table = table[list(BOROUGH_LINK_COLUMNS)]
    table = table.assign(open_to_motor_vehicles=table["open_to_motor_vehicles"].astype(int) == 1)
    return table.sort_values(["code_a", "code_b"], ignore_index=True)


def _refuse_bad_links(table: pd.DataFrame, file: str) -> None:
    bad = {
        "code_a": ~(table["code_a"] < table["code_b"]),
        "code_b": table.duplicated(["code_a", "code_b"]),
        "kind": ~table["kind"].isin(["land", "river"]),
        "open_to_motor_vehicles": ~table["open_to_motor_vehicles"].astype(str).isin(["0", "1"]),
    }
    rules = {
        "code_a": "code_a must come before code_b",
        "code_b": "the pair is listed twice",
        "kind": "kind must be land or river",
        "open_to_motor_vehicles": "open_to_motor_vehicles must be 1 or 0",
    }
    for column, wrong in bad.items():
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise BoundaryRefusedError(
                rules[column],
                file=file,
                row=row + 1,
                column=column,
                value=table[column].iloc[row],
                remedy="correct the row",
            )


def read_attribution(path: Path) -> tuple[str, ...]:
    """Return the non-empty lines of an attribution file, in order."""
    return tuple(line for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def digest(paths: list[Path]) -> str:
    """Return the SHA-256 of the names and contents of the files, in the order given."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n".encode())
    return whole.hexdigest()


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
    points, finite = _points(x_m, y_m)
    # The tree holds the points and GEOS prepares the polygons: 20 times faster than the reverse.
    wards, hits = shapely.STRtree(points).query(
        study_area.wards.geometry.to_numpy(), predicate="intersects"
    )
    owner = np.full(len(points), len(codes), dtype=np.int64)
    np.minimum.at(owner, hits, wards)  # rows are sorted by code: the smallest index wins
    found = np.zeros(len(finite), dtype=codes.dtype)
    found[finite] = np.append(codes, "")[owner]
    return found


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
    points, finite = _points(x_m, y_m)
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


def borough_neighbours(study_area: StudyArea) -> dict[str, tuple[str, ...]]:
    """Return for every borough code the codes a vehicle can drive to directly, sorted.

    Only links open to motor vehicles count; a borough without any has an empty tuple.
    """
    codes = study_area.boroughs["borough_code"].tolist()
    near: dict[str, set[str]] = {code: set() for code in codes}
    links = study_area.borough_links
    for link in links[links["open_to_motor_vehicles"]].itertuples(index=False):
        if link.code_a in near and link.code_b in near:
            near[str(link.code_a)].add(str(link.code_b))
            near[str(link.code_b)].add(str(link.code_a))
    return {code: tuple(sorted(near[code])) for code in codes}


def _points(x_m: ArrayLike, y_m: ArrayLike) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    x = np.asarray(x_m, dtype=np.float64)
    y = np.asarray(y_m, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise AssessmentRefusedError(
            f"eastings have shape {x.shape} and northings {y.shape}",
            remedy="give two one-dimensional arrays of the same length",
        )
    finite = np.isfinite(x) & np.isfinite(y)
    return np.atleast_1d(np.asarray(shapely.points(x[finite], y[finite]), dtype=object)), finite
