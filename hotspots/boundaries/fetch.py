"""Download the official boundaries for people with internet; nothing else here needs it.

The publisher is the Office for National Statistics (Open Geography portal), whose layers are
ArcGIS feature services under the Open Government Licence. Layers are renamed with every
vintage: the addresses are configuration, with a default.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import geopandas as gpd
import numpy as np
import shapely

from hotspots.boundaries.columns import BOROUGH_FIELDS, WARD_FIELDS, choose_columns
from hotspots.boundaries.feature_service import (
    BoundaryFetchError,
    Progress,
    Transfer,
    fetch_layer,
)
from hotspots.boundaries.geojson import on_grid, write_geojson
from hotspots.boundaries.nesting import MIN_SHARE_IN_BOROUGH
from hotspots.boundaries.study_area import StudyArea, load_study_area
from hotspots.errors import BoundaryRefusedError

__all__ = ["BoundaryFetchError", "OfficialSource", "Transfer", "fetch_boundaries"]

_PORTAL = "https://services1.arcgis.com/ESMARspQHYMw9BZ9/arcgis/rest/services"
_LICENCE_LINE = (
    "Source: Office for National Statistics licensed under the Open Government Licence v3.0."
)


@dataclass(frozen=True)
class OfficialSource:
    """Where the official layers are, and how to ask.

    Attributes
    ----------
    wards_url, boroughs_url
        Addresses of the layers (without ``/query``). The defaults are generalised to 20 m
        and clipped to the coastline (BGC).
    borough_prefix
        First letters of the borough codes wanted: E09 is London.
    transfer
        Time-outs, attempts and page size.
    """

    wards_url: str = f"{_PORTAL}/Wards_December_2024_Boundaries_UK_BGC/FeatureServer/0"
    boroughs_url: str = (
        f"{_PORTAL}/Local_Authority_Districts_May_2024_Boundaries_UK_BGC/FeatureServer/0"
    )
    borough_prefix: str = "E09"
    transfer: Transfer = field(default_factory=Transfer)


def fetch_boundaries(
    out: Path, *, source: OfficialSource, progress: Progress, replace: bool = False
) -> StudyArea:
    """Download wards and boroughs into a folder, checked, in EPSG:27700.

    Parameters
    ----------
    out
        Folder to make: ``wards.geojson``, ``boroughs.geojson``, ``attribution.txt``. It
        appears whole or not at all.
    source
        Addresses and patience.
    progress
        Called with a line and the share of the work done, 0 to 1.
    replace
        Whether an existing folder may be replaced.

    Returns
    -------
    StudyArea
        As :func:`hotspots.boundaries.study_area.load_study_area` reads it from ``out``.

    Raises
    ------
    BoundaryFetchError
        When the download fails.
    BoundaryRefusedError
        When ``out`` exists and may not be replaced, or what came is no usable study area.
    """
    if out.exists() and not replace:
        raise BoundaryRefusedError(
            "the folder exists already",
            file=str(out),
            remedy="name another folder, or allow it to be replaced",
        )
    boroughs = _fetch_boroughs(source, lambda text, share: progress(f"boroughs: {text}", share / 4))
    wards = _fetch_wards(
        source, boroughs, lambda text, share: progress(f"wards: {text}", 0.25 + share * 0.7)
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".fetch-") as temporary:
        made = Path(temporary) / "new"
        made.mkdir()
        write_geojson(wards, made / "wards.geojson")
        write_geojson(boroughs, made / "boroughs.geojson")
        year = _vintage(source.wards_url)
        lines = [_LICENCE_LINE, f"Contains OS data © Crown copyright and database right {year}."]
        (made / "attribution.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        progress("checking", 0.95)
        area = _load(made, year)
        _put_in_place(made, out, Path(temporary) / "old")
    progress(f"{len(area.wards)} wards and {len(area.boroughs)} boroughs", 1.0)
    return area


def _put_in_place(made: Path, out: Path, aside: Path) -> None:
    """Rename the new folder to its place; the old one comes back if that fails."""
    if out.exists():
        out.rename(aside)
    try:
        made.rename(out)
    except OSError:
        if aside.exists():
            aside.rename(out)
        raise


def _load(folder: Path, year: str) -> StudyArea:
    return load_study_area(
        folder / "wards.geojson",
        folder / "boroughs.geojson",
        name=f"London wards {year}, official (ONS, generalised)",
    )


def _fetch_boroughs(source: OfficialSource, progress: Progress) -> gpd.GeoDataFrame:
    year = _vintage(source.boroughs_url)[-2:]
    everything = fetch_layer(
        source.boroughs_url,
        where=f"LAD{year}CD LIKE '{source.borough_prefix}%'",
        transfer=source.transfer,
        progress=progress,
    )
    frame = _canonical(everything, BOROUGH_FIELDS, source.boroughs_url)
    wanted = frame["borough_code"].astype(str).str.startswith(source.borough_prefix)
    return frame[wanted].sort_values("borough_code", ignore_index=True)


def _fetch_wards(
    source: OfficialSource, boroughs: gpd.GeoDataFrame, progress: Progress
) -> gpd.GeoDataFrame:
    x_min, y_min, x_max, y_max = (float(bound) for bound in boroughs.total_bounds)
    everything = fetch_layer(
        source.wards_url,
        envelope_m=(x_min, y_min, x_max, y_max),
        transfer=source.transfer,
        progress=progress,
    )
    frame = _canonical(everything, WARD_FIELDS, source.wards_url)
    # The box holds wards of the neighbouring counties: keep those that lie in the boroughs.
    shapes = shapely.make_valid(frame.geometry.to_numpy())
    held = shapely.area(
        shapely.intersection(shapes, shapely.union_all(boroughs.geometry.to_numpy()))
    )
    inside = held >= MIN_SHARE_IN_BOROUGH * np.maximum(shapely.area(shapes), 1e-9)
    return frame[inside].sort_values("ward_code", ignore_index=True)


def _canonical(frame: gpd.GeoDataFrame, fields: tuple[str, ...], url: str) -> gpd.GeoDataFrame:
    columns = [str(column) for column in frame.columns if column != "geometry"]
    names = choose_columns(columns, fields, None, url)
    renamed = {column: name for name, column in names.items()}
    frame = frame[[*renamed, "geometry"]].rename(columns=renamed)
    return frame.assign(geometry=on_grid(frame.geometry.to_numpy()))


def _vintage(url: str) -> str:
    """Return the year in the name of a layer: it names the columns and the copyright."""
    found = re.search(r"(?:19|20)\d\d", urlsplit(url).path)  # never the digits of a port
    if found is None:
        raise BoundaryRefusedError(
            "the address of the layer names no year, and its columns are named by it",
            file=url,
            remedy="give the address of a dated layer, for example one that ends in "
            "Wards_December_2024_Boundaries_UK_BGC/FeatureServer/0",
        )
    return found.group()
