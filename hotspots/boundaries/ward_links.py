"""Which wards a vehicle can drive between, from polygons, borough links and crossings.

The rule, in full. Two wards are linked

1. by **land** when they lie on the same bank of the Thames, their boroughs are the same or
   linked by land open to motor vehicles, and at least ``MIN_SHARED_M`` of one boundary runs
   within ``SNAP_M`` of the other polygon (so a shared corner is no link, and a sliver of a
   metre between two approximate polygons is no barrier);
2. by land, too, when two boroughs are linked by open land but rule 1 found no pair of wards:
   then the nearest pair on one bank;
3. by **river** when an open crossing of ``river_crossings.csv`` ends in them.

The bank of a ward is that of the bundled ward nearest to its centre, so that no tolerance
can ever reach across the river. A shared boundary does not prove a road: reservoirs, railways
and parks between neighbouring wards are not known to this rule.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from hotspots.boundaries.lookup import ward_centres
from hotspots.boundaries.schema import WARD_LINK_COLUMNS
from hotspots.errors import BoundaryRefusedError

SNAP_M = 10.0
MIN_SHARED_M = 50.0
#: An end of a crossing that lies further than this from its borough is refused.
CROSSING_TOLERANCE_M = 400.0


def derive_ward_links(
    wards: gpd.GeoDataFrame,
    banks: NDArray[np.str_],
    borough_links: pd.DataFrame,
    crossings: pd.DataFrame,
) -> pd.DataFrame:
    """Return the pairs of wards a vehicle can drive between directly.

    Parameters
    ----------
    wards
        n polygons with ``ward_code`` and ``borough_code``, EPSG:27700, sorted by code.
    banks
        Shape (n,): ``north`` or ``south`` of the Thames for each ward.
    borough_links
        As in :class:`hotspots.boundaries.study_area.StudyArea`.
    crossings
        Rows of ``river_crossings.csv``: ``name, north_borough, south_borough, north_x_m,
        north_y_m, south_x_m, south_y_m, open_to_motor_vehicles``.

    Returns
    -------
    pandas.DataFrame
        ``code_a < code_b, kind, distance_m`` (metres to 0.1, between ward centres; by way of
        the crossing for a river), sorted by the codes.

    Raises
    ------
    BoundaryRefusedError
        When an open crossing ends nowhere near a ward of its borough.
    """
    land = _land_pairs(wards, banks, borough_links)
    centres = ward_centres(wards)
    straight_m = np.linalg.norm(centres[land[:, 0]] - centres[land[:, 1]], axis=1)
    codes = wards["ward_code"].to_numpy(dtype=str)
    by_land = pd.DataFrame(
        {"code_a": codes[land[:, 0]], "code_b": codes[land[:, 1]], "distance_m": straight_m}
    ).assign(kind="land")
    by_river = _river_links(wards, centres, crossings)
    links = pd.concat([by_land, by_river], ignore_index=True)
    links["distance_m"] = links["distance_m"].round(1)
    links = links.sort_values(["code_a", "code_b", "distance_m"])
    links = links.drop_duplicates(["code_a", "code_b"])
    return links[list(WARD_LINK_COLUMNS)].reset_index(drop=True)


def _land_pairs(
    wards: gpd.GeoDataFrame, banks: NDArray[np.str_], borough_links: pd.DataFrame
) -> NDArray[np.int64]:
    polygons = wards.geometry.to_numpy()
    boroughs = wards["borough_code"].to_numpy(dtype=str)
    open_land = borough_links[
        (borough_links["kind"] == "land") & borough_links["open_to_motor_vehicles"]
    ]
    linked = set(zip(open_land["code_a"], open_land["code_b"], strict=True))
    first, second = shapely.STRtree(polygons).query(polygons, predicate="dwithin", distance=SNAP_M)
    keep = (first < second) & (banks[first] == banks[second])
    first, second = first[keep], second[keep]
    pairs = [tuple(sorted(pair)) for pair in zip(boroughs[first], boroughs[second], strict=True)]
    allowed = np.array([a == b or (a, b) in linked for a, b in pairs], dtype=bool)
    first, second = first[allowed], second[allowed]
    shared = shared_boundary_m(polygons[first], polygons[second]) >= MIN_SHARED_M
    found = np.column_stack([first[shared], second[shared]]).astype(np.int64)
    met = {tuple(sorted((boroughs[a], boroughs[b]))) for a, b in found}
    extra = [
        _nearest_pair(polygons, banks, np.flatnonzero(boroughs == a), np.flatnonzero(boroughs == b))
        for a, b in sorted(linked - met)
    ]
    return np.vstack([found, *[pair for pair in extra if pair is not None]])


def shared_boundary_m(
    first: NDArray[np.object_], second: NDArray[np.object_]
) -> NDArray[np.float64]:
    """Return how much of each first boundary runs within ``SNAP_M`` of the second polygon.

    Parameters
    ----------
    first, second
        Polygons, shape (n,).

    Returns
    -------
    numpy.ndarray
        Lengths in metres, shape (n,).
    """
    zone = shapely.buffer(second, SNAP_M, quad_segs=4)
    return np.asarray(shapely.length(shapely.intersection(shapely.boundary(first), zone)))


def _nearest_pair(
    polygons: NDArray[np.object_],
    banks: NDArray[np.str_],
    of_a: NDArray[np.int64],
    of_b: NDArray[np.int64],
) -> NDArray[np.int64] | None:
    gap_m = shapely.distance(polygons[of_a][:, None], polygons[of_b][None, :])
    gap_m = np.where(banks[of_a][:, None] == banks[of_b][None, :], gap_m, np.inf)
    if not gap_m.size or not np.isfinite(gap_m.min()):
        return None
    a, b = np.unravel_index(int(gap_m.argmin()), gap_m.shape)
    return np.sort(np.array([[of_a[a], of_b[b]]], dtype=np.int64), axis=1)


def _river_links(
    wards: gpd.GeoDataFrame, centres: NDArray[np.float64], crossings: pd.DataFrame
) -> pd.DataFrame:
    present = set(wards["borough_code"])
    codes = wards["ward_code"].to_numpy(dtype=str)
    rows = []
    for crossing in crossings[crossings["open_to_motor_vehicles"] == 1].to_dict("records"):
        if {crossing["north_borough"], crossing["south_borough"]} <= present:
            ends = [_crossing_end(wards, crossing, bank) for bank in ("north", "south")]
            (north, north_point), (south, south_point) = ends
            distance_m = (
                np.linalg.norm(centres[north] - north_point)
                + np.linalg.norm(north_point - south_point)
                + np.linalg.norm(south_point - centres[south])
            )
            a, b = sorted((codes[north], codes[south]))
            rows.append((a, b, "river", float(distance_m)))
    return pd.DataFrame(rows, columns=list(WARD_LINK_COLUMNS)).astype({"distance_m": "float64"})


def _crossing_end(
    wards: gpd.GeoDataFrame, crossing: Mapping[Hashable, Any], bank: str
) -> tuple[int, NDArray[np.float64]]:
    point = np.array([crossing[f"{bank}_x_m"], crossing[f"{bank}_y_m"]], dtype=np.float64)
    rows = np.flatnonzero(wards["borough_code"] == crossing[f"{bank}_borough"])
    gap_m = shapely.distance(wards.geometry.to_numpy()[rows], shapely.points(point))
    if gap_m.min() > CROSSING_TOLERANCE_M:
        raise BoundaryRefusedError(
            f"the {bank} end of {crossing['name']} is {gap_m.min():.0f} m from every ward of "
            f"{crossing[f'{bank}_borough']} (bound {CROSSING_TOLERANCE_M:.0f} m)",
            file="river_crossings.csv",
            column=f"{bank}_borough",
            value=crossing[f"{bank}_borough"],
            remedy="check that the wards carry the borough they lie in and are in EPSG:27700",
        )
    return int(rows[gap_m.argmin()]), point
