"""The bundled study area: contents, checksums, nesting, and the spatial lookups."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from hotspots.boundaries.borough_links import read_borough_links
from hotspots.boundaries.study_area import (
    StudyArea,
    borough_neighbours,
    load_bundled,
    locate_wards,
    nearest_distance_m,
    nearest_wards,
    ward_centres,
)
from hotspots.errors import AssessmentRefusedError, BoundaryRefusedError


@pytest.fixture(scope="module")
def london() -> StudyArea:
    return load_bundled()


def test_holds_33_boroughs_and_704_wards_of_which_25_are_not_policed(london: StudyArea) -> None:
    assert len(london.wards) == 704
    assert int(london.wards["policed"].sum()) == 679
    assert set(london.wards.loc[~london.wards["policed"], "borough_name"]) == {"City of London"}
    assert len(london.boroughs) == 33
    assert int(london.boroughs["policed"].sum()) == 32
    assert london.approximate
    assert "approximate" in london.name


def test_rows_are_sorted_by_code_and_in_british_national_grid(london: StudyArea) -> None:
    assert london.wards["ward_code"].is_monotonic_increasing
    assert london.wards["ward_code"].is_unique
    assert london.boroughs["borough_code"].is_monotonic_increasing
    assert london.wards.crs.to_epsg() == london.boroughs.crs.to_epsg() == 27700


def test_wards_are_a_coverage_and_nest_in_their_borough_exactly(london: StudyArea) -> None:
    assert shapely.coverage_is_valid(london.wards.geometry.to_numpy())
    assert shapely.coverage_is_valid(london.boroughs.geometry.to_numpy())
    for code, wards in london.wards.groupby("borough_code"):
        borough = london.boroughs.set_index("borough_code").geometry[code]
        union = shapely.union_all(wards.geometry.to_numpy())
        assert shapely.area(shapely.symmetric_difference(union, borough)) == 0.0


def test_every_checksum_matches_its_file(repository: Path) -> None:
    folder = repository / "data" / "boundaries"
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    listed = dict(reversed(line.split("  ")) for line in lines)
    data = {p.name for p in folder.iterdir() if p.suffix in {".geojson", ".csv", ".txt"}}
    assert set(listed) == data
    for name, expected in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected, name


def test_attribution_names_the_three_owners_with_years(london: StudyArea) -> None:
    text = "\n".join(london.attribution)
    assert "National Statistics data © Crown copyright and database right 2011/2025" in text
    assert "OS data © Crown copyright and database right 2025" in text
    assert "Royal Mail data © Royal Mail copyright and database right 2025" in text


def test_codes_agree_with_the_police_ward_series(london: StudyArea, shared_data: Path) -> None:
    counts = pd.read_parquet(
        shared_data / "crime" / "mps_gun_knife_ward_monthly_2021-08_2023-07.parquet"
    )
    used = {code for code in counts["area_code"].dropna() if str(code).startswith("E05")}
    policed = set(london.wards.loc[london.wards["policed"], "ward_code"])
    assert used <= policed


def test_locate_agrees_with_testing_every_polygon(london: StudyArea) -> None:
    rng = np.random.default_rng(20261122)
    x_m, y_m = rng.uniform(503_000, 562_500, 300), rng.uniform(155_000, 201_500, 300)
    points = shapely.points(x_m, y_m)
    inside = shapely.intersects(london.wards.geometry.to_numpy()[None, :], points[:, None])
    codes = london.wards["ward_code"].to_numpy(dtype=str)
    slow = [min(codes[row], default="") for row in inside]
    found = locate_wards(london, x_m, y_m)
    assert found.tolist() == slow
    assert 0.3 < np.mean(found != "") < 0.9


def test_a_shared_vertex_goes_to_the_smallest_code_whatever_the_order(london: StudyArea) -> None:
    first = london.wards.geometry.iloc[0]
    vertices = shapely.get_coordinates(first)
    touching = shapely.intersects(
        london.wards.geometry.to_numpy()[None, :], shapely.points(vertices)[:, None]
    )
    codes = london.wards["ward_code"].to_numpy(dtype=str)
    expected = [min(codes[row]) for row in touching]
    assert max(row.sum() for row in touching) >= 3
    assert locate_wards(london, *vertices.T).tolist() == expected
    assert locate_wards(london, *vertices[::-1].T).tolist() == expected[::-1]


def test_points_that_are_not_finite_or_far_away_are_outside(london: StudyArea) -> None:
    x_m = [np.nan, 530_000.0, np.inf, 0.0, 530_000.0]
    y_m = [180_000.0, np.nan, 180_000.0, 0.0, 181_000.0]
    assert (locate_wards(london, x_m, y_m) != "").tolist() == [False] * 4 + [True]
    codes, distance_m = nearest_wards(london, x_m, y_m)
    assert codes[:3].tolist() == ["", "", ""]
    assert np.isinf(distance_m[:3]).all()
    assert distance_m[3] > 400_000
    assert distance_m[4] == 0.0


def test_locate_accepts_no_points_and_refuses_unequal_shapes(london: StudyArea) -> None:
    assert locate_wards(london, [], []).shape == (0,)
    assert nearest_distance_m(london, [], []).shape == (0,)
    with pytest.raises(AssessmentRefusedError, match="same length"):
        locate_wards(london, [1.0, 2.0], [1.0])
    with pytest.raises(AssessmentRefusedError, match="one-dimensional"):
        locate_wards(london, [[1.0]], [[1.0]])


def test_nearest_agrees_with_measuring_every_polygon(london: StudyArea) -> None:
    rng = np.random.default_rng(7)
    x_m, y_m = rng.uniform(495_000, 570_000, 60), rng.uniform(150_000, 205_000, 60)
    every_m = shapely.distance(
        london.wards.geometry.to_numpy()[None, :], shapely.points(x_m, y_m)[:, None]
    )
    codes, distance_m = nearest_wards(london, x_m, y_m)
    assert distance_m == pytest.approx(every_m.min(axis=1), abs=1e-9)
    outside = distance_m > 0
    nearest = london.wards["ward_code"].to_numpy(dtype=str)[every_m.argmin(axis=1)]
    assert codes[outside].tolist() == nearest[outside].tolist()
    assert codes[~outside].tolist() == locate_wards(london, x_m, y_m)[~outside].tolist()


def test_locates_100_000_points_within_a_processor_second(london: StudyArea) -> None:
    rng = np.random.default_rng(1)
    x_m, y_m = rng.uniform(503_000, 562_500, 100_000), rng.uniform(155_000, 201_500, 100_000)
    took_s = []
    for _ in range(3):
        start = time.process_time()
        locate_wards(london, x_m, y_m)
        took_s.append(time.process_time() - start)
    assert min(took_s) < 1.0


def test_every_centre_lies_in_its_own_ward(london: StudyArea) -> None:
    found = locate_wards(london, *ward_centres(london.wards).T)
    assert found.tolist() == london.wards["ward_code"].tolist()


def test_the_centre_of_a_crescent_lies_in_the_crescent() -> None:
    disc = shapely.Point(0, 0).buffer(100)
    crescent = disc.difference(shapely.Point(40, 0).buffer(90))
    assert not crescent.contains(crescent.centroid)
    centre = ward_centres(gpd.GeoDataFrame(geometry=[crescent], crs="EPSG:27700"))
    assert crescent.contains(shapely.Point(centre[0]))


def test_neighbours_are_symmetric_and_leave_out_closed_crossings(london: StudyArea) -> None:
    near = borough_neighbours(london)
    assert len(near) == 33
    for code, others in near.items():
        assert list(others) == sorted(set(others))
        assert all(code in near[other] for other in others)
    assert "E09000027" not in near["E09000013"]  # Hammersmith Bridge is closed
    assert "E09000028" in near["E09000030"]  # Tower Bridge is open


def test_the_link_table_is_the_one_supplied(repository: Path, shared_data: Path) -> None:
    ours = read_borough_links(repository / "data" / "boundaries" / "borough_links.csv")
    theirs = read_borough_links(shared_data / "boundaries" / "borough_links.csv")
    pd.testing.assert_frame_equal(ours, theirs)
    assert len(ours) == 82


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("E09000002,E09000001,land,,1", "code_a"),
        ("E09000001,E09000002,land,,1\nE09000001,E09000002,land,,1", "code_b"),
        ("E09000001,E09000002,air,,1", "kind"),
        ("E09000001,E09000002,land,,yes", "open_to_motor_vehicles"),
    ],
)
def test_a_wrong_link_is_refused_with_its_row(tmp_path: Path, line: str, column: str) -> None:
    path = tmp_path / "links.csv"
    path.write_text(f"code_a,code_b,kind,crossing,open_to_motor_vehicles\n{line}\n")
    with pytest.raises(BoundaryRefusedError) as refusal:
        read_borough_links(path)
    assert refusal.value.column == column
    assert refusal.value.row == line.count("\n") + 1


def test_a_link_table_without_a_column_or_without_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    with pytest.raises(BoundaryRefusedError, match="cannot be read"):
        read_borough_links(path)
    path.write_text("code_a,code_b,kind\n")
    with pytest.raises(BoundaryRefusedError, match="crossing"):
        read_borough_links(path)


def test_points_looked_up_before_are_found_again_and_only_in_their_own_area() -> None:
    area = load_bundled()
    west, south, east, north = area.wards.total_bounds
    random = np.random.default_rng(5)
    x, y = random.uniform(west, east, 400), random.uniform(south, north, 400)
    first = locate_wards(area, x[:250], y[:250])
    again = locate_wards(area, x[::-1], y[::-1])[::-1]  # some known, some new, other order
    np.testing.assert_array_equal(again[:250], first)
    np.testing.assert_array_equal(again, locate_wards(load_bundled(), x, y))
    east_half = area.wards[area.wards.geometry.representative_point().x > (west + east) / 2]
    other = replace(area, wards=east_half.reset_index(drop=True))
    found = locate_wards(other, x, y)
    assert set(found) <= {"", *east_half["ward_code"]}
    inside = np.isin(again, east_half["ward_code"])
    np.testing.assert_array_equal(found[inside], again[inside])
