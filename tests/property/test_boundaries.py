"""Lookups and links hold for any tessellation, not only for London."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from hotspots.boundaries.study_area import StudyArea, load_bundled, locate_wards, nearest_wards
from hotspots.boundaries.ward_links import MIN_SHARED_M, SNAP_M, derive_ward_links

ORIGIN = (520_000.0, 185_000.0)
NO_CROSSINGS = pd.DataFrame(
    columns=["name", "north_borough", "south_borough", "open_to_motor_vehicles"]
)
LONDON = load_bundled()


@st.composite
def tessellations(draw: st.DrawFn) -> gpd.GeoDataFrame:
    """Return 2 to 25 Voronoi cells of a square of 5 km, codes not in the order of place."""
    seed = draw(st.integers(0, 2**32 - 1))
    count = draw(st.integers(2, 25))
    rng = np.random.default_rng(seed)
    sites = shapely.multipoints(rng.uniform(0, 5_000, (count, 2)).round(0) + ORIGIN)
    square = shapely.box(*ORIGIN, ORIGIN[0] + 5_000, ORIGIN[1] + 5_000)
    cells = shapely.get_parts(shapely.voronoi_polygons(sites, extend_to=square))
    cells = shapely.intersection(cells, square)
    codes = np.sort(rng.choice(10_000, len(cells), replace=False))
    return gpd.GeoDataFrame(
        {
            "ward_code": [f"E0{code:05d}" for code in codes],
            "borough_code": rng.choice(["X", "Y"], len(cells)),
        },
        geometry=cells,
        crs="EPSG:27700",
    )


def area_of(wards: gpd.GeoDataFrame) -> StudyArea:
    return replace(LONDON, wards=wards)


@settings(max_examples=60, deadline=None)
@given(wards=tessellations(), seed=st.integers(0, 2**32 - 1))
def test_a_point_belongs_to_one_ward_that_holds_it_whatever_the_order(
    wards: gpd.GeoDataFrame, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    anywhere = rng.uniform(-1_000, 6_000, (40, 2)) + ORIGIN
    corners = shapely.get_coordinates(wards.geometry.to_numpy())[:20]
    points = np.vstack([anywhere, corners])
    found = locate_wards(area_of(wards), *points.T)
    order = rng.permutation(len(points))
    assert (locate_wards(area_of(wards), *points[order].T) == found[order]).all()
    holds = shapely.intersects(wards.geometry.to_numpy()[None, :], shapely.points(points)[:, None])
    codes = wards["ward_code"].to_numpy(dtype=str)
    assert found.tolist() == [min(codes[row], default="") for row in holds]
    nearest, distance_m = nearest_wards(area_of(wards), *points.T)
    assert ((distance_m == 0) == (found != "")).all()
    assert (nearest[found != ""] == found[found != ""]).all()


@settings(max_examples=60, deadline=None)
@given(wards=tessellations(), is_open=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_land_links_keep_to_the_rule(wards: gpd.GeoDataFrame, is_open: bool, seed: int) -> None:
    banks = np.random.default_rng(seed).choice(["north", "south"], len(wards))
    table = pd.DataFrame(
        {"code_a": ["X"], "code_b": ["Y"], "kind": ["land"], "open_to_motor_vehicles": [is_open]}
    )
    links = derive_ward_links(wards, banks, table, NO_CROSSINGS)
    row = {code: number for number, code in enumerate(wards["ward_code"])}
    pairs = [(row[a], row[b]) for a, b in links[["code_a", "code_b"]].to_numpy()]
    borough, shapes = wards["borough_code"].to_numpy(), wards.geometry.to_numpy()
    between = [pair for pair in pairs if borough[pair[0]] != borough[pair[1]]]
    assert all(banks[a] == banks[b] for a, b in pairs)
    assert is_open or not between
    for a in range(len(wards)):
        for b in range(a + 1, len(wards)):
            edge_m = shapely.length(shapely.intersection(shapes[a], shapes[b]))
            allowed = banks[a] == banks[b] and (borough[a] == borough[b] or is_open)
            if allowed and edge_m >= MIN_SHARED_M:
                assert (a, b) in pairs
            apart = shapes[a].distance(shapes[b]) > SNAP_M
            if (a, b) in pairs and apart:
                assert len(between) == 1  # rule 2: the only link of its two boroughs
