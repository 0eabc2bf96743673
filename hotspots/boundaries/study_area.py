"""The public door of the room: load a study area; find wards and neighbours in it.

Everything is in EPSG:27700 (British National Grid, metres). :func:`load_bundled` gives the
boundaries that travel with the product; :func:`load_study_area` reads another file in their
place. Every call returns frames of its own: altering one alters nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from numpy.typing import NDArray

from hotspots.boundaries.borough_links import borough_neighbours, read_borough_links
from hotspots.boundaries.columns import BOROUGH_FIELDS, WARD_FIELDS
from hotspots.boundaries.lookup import (
    locate_wards,
    nearest_distance_m,
    nearest_wards,
    ward_centres,
)
from hotspots.boundaries.nesting import dissolve_boroughs, join_boroughs, with_policing
from hotspots.boundaries.schema import (
    BOROUGH_COLUMNS,
    CRS,
    UNPOLICED_BOROUGHS,
    WARD_COLUMNS,
    StudyArea,
)
from hotspots.boundaries.validate import MAX_BYTES, read_polygons, refuse_overlaps
from hotspots.boundaries.vector_file import steady_source
from hotspots.boundaries.ward_links import derive_ward_links
from hotspots.errors import BoundaryRefusedError

__all__ = [
    "CRS",
    "UNPOLICED_BOROUGHS",
    "StudyArea",
    "borough_neighbours",
    "bundled_folder",
    "load_bundled",
    "load_study_area",
    "locate_wards",
    "nearest_distance_m",
    "nearest_wards",
    "ward_centres",
]

BUNDLED_NAME = "London wards in force since May 2022, approximate (2025 postcodes)"
_MAX_ATTRIBUTION_BYTES = 65_536
_DATA_FILES = (
    "wards.geojson",
    "boroughs.geojson",
    "borough_links.csv",
    "river_crossings.csv",
    "ward_links.csv",
)


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


def load_study_area(
    wards_path: Path,
    boroughs_path: Path | None = None,
    *,
    name: str,
    ward_columns: Mapping[str, str] | None = None,
    borough_columns: Mapping[str, str] | None = None,
    borough_links_path: Path | None = None,
    unpoliced_boroughs: frozenset[str] = UNPOLICED_BOROUGHS,
) -> StudyArea:
    """Return the study area of a person's own boundary files, checked, in EPSG:27700.

    Parameters
    ----------
    wards_path, boroughs_path
        GeoPackage or GeoJSON in a projected system. Without boroughs, the wards must carry
        a borough code, and their unions are the boroughs. Lines of ``attribution.txt``
        beside the wards are kept; a true ``approximate`` column makes the area approximate.
    name
        What the boundaries are; stands on every picture drawn from them.
    ward_columns, borough_columns
        Field (``ward_code, ward_name, borough_code, borough_name``) to column of the file,
        for names that are not recognised (``WD25CD``, ``LAD25NM``, ``gss_code`` … are).
    borough_links_path
        Which boroughs a vehicle can drive between; the bundled table by default.
    unpoliced_boroughs
        Codes that are shown but neither scored nor patrolled.

    Raises
    ------
    CoordinateSystemRefusedError, BoundaryRefusedError
        As :func:`hotspots.boundaries.validate.read_polygons`; also for overlapping wards,
        wards outside every borough, and boroughs that the table of links does not know.
    """
    wards, boroughs = _read_layers(wards_path, boroughs_path, ward_columns, borough_columns)
    links_path = borough_links_path or bundled_folder() / "borough_links.csv"
    crossings_path = bundled_folder() / "river_crossings.csv"
    links = read_borough_links(links_path)
    _refuse_unlinked(boroughs, links, wards_path.name)
    files = [wards_path, *([boroughs_path] if boroughs_path else []), links_path, crossings_path]
    return StudyArea(
        name=name,
        approximate=_says_approximate(wards_path),
        sha256=digest(files),
        attribution=_attribution_beside(wards_path),
        wards=with_policing(wards, unpoliced_boroughs),
        boroughs=with_policing(boroughs, unpoliced_boroughs),
        borough_links=links,
        ward_links=derive_ward_links(
            wards, thames_banks(wards), links, pd.read_csv(crossings_path)
        ),
    )


def _read_layers(
    wards_path: Path,
    boroughs_path: Path | None,
    ward_columns: Mapping[str, str] | None,
    borough_columns: Mapping[str, str] | None,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    wards = read_polygons(wards_path, WARD_FIELDS, ward_columns)
    refuse_overlaps(wards, wards_path.name)
    if boroughs_path is None:
        wards = _with_borough_names(wards)
        return wards, dissolve_boroughs(wards, wards_path.name)
    boroughs = read_polygons(boroughs_path, BOROUGH_FIELDS, borough_columns)
    boroughs = _with_borough_names(boroughs)
    return join_boroughs(wards, boroughs, wards_path.name), boroughs


def _says_approximate(wards_path: Path) -> bool:
    with steady_source(wards_path, MAX_BYTES) as source:
        if "approximate" not in pyogrio.read_info(source)["fields"]:
            return False
        said = pyogrio.read_dataframe(source, columns=["approximate"], read_geometry=False)
    return bool(said["approximate"].astype(str).str.lower().isin(["true", "1"]).any())


def thames_banks(wards: gpd.GeoDataFrame) -> NDArray[np.str_]:
    """Return ``north`` or ``south`` of the Thames for each ward, shape (n_wards,).

    The bank is that of the bundled ward nearest to the centre of the given one, so it holds
    for any vintage of London's wards; it means nothing far from London.
    """
    bundled = load_bundled()
    banks = gpd.read_file(
        bundled_folder() / "wards.geojson", columns=["ward_code", "thames_bank"]
    ).set_index("ward_code")["thames_bank"]
    nearest, _ = nearest_wards(bundled, *ward_centres(wards).T)
    return np.asarray(banks[nearest], dtype=str)


def _with_borough_names(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    if "borough_name" in frame or "borough_code" not in frame:
        return frame
    known = load_bundled().boroughs.set_index("borough_code")["borough_name"]
    names = frame["borough_code"].map(known).fillna(frame["borough_code"])
    return frame.assign(borough_name=names)


def _refuse_unlinked(boroughs: gpd.GeoDataFrame, links: pd.DataFrame, file: str) -> None:
    known = set(links["code_a"]) | set(links["code_b"])
    unknown = [code for code in boroughs["borough_code"] if code not in known]
    if unknown and len(boroughs) > 1:
        raise BoundaryRefusedError(
            f"{len(unknown)} of {len(boroughs)} boroughs are in no row of the table of borough "
            "links, so nobody knows where a vehicle can drive",
            file=file,
            column="borough_code",
            value=unknown[0],
            remedy="use GSS codes (E09…) for London's boroughs, or give a table of borough "
            "links with the columns of data/boundaries/borough_links.csv",
        )


def _attribution_beside(wards_path: Path) -> tuple[str, ...]:
    beside = wards_path.with_name("attribution.txt")
    if beside.is_file():
        return read_attribution(beside)
    return (f"Boundaries: {wards_path.name}, supplied by the user; licence not stated.",)


def read_attribution(path: Path) -> tuple[str, ...]:
    """Return the non-empty lines of an attribution file, in order."""
    if path.stat().st_size > _MAX_ATTRIBUTION_BYTES:
        raise BoundaryRefusedError(
            f"the attribution has more than {_MAX_ATTRIBUTION_BYTES:,} bytes",
            file=path.name,
            remedy="keep the few lines that must stand on every map",
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BoundaryRefusedError(
            f"the attribution is not UTF-8 text (byte {error.start:,})",
            file=path.name,
            remedy="save it as UTF-8",
        ) from error
    return tuple(line for line in text.splitlines() if line.strip())


def digest(paths: list[Path]) -> str:
    """Return the SHA-256 of the names and contents of the files, in the order given."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n".encode())
    return whole.hexdigest()
