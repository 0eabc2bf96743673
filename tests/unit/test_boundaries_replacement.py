"""Other people's boundary files: what is accepted, and what is refused with which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from hotspots.boundaries import validate
from hotspots.boundaries.borough_links import borough_neighbours
from hotspots.boundaries.geojson import write_geojson
from hotspots.boundaries.study_area import StudyArea, load_bundled, load_study_area, locate_wards
from hotspots.errors import BoundaryRefusedError, CoordinateSystemRefusedError

GRID = "EPSG:27700"


def toy_wards() -> gpd.GeoDataFrame:
    """Return six wards of 1 km in two columns: three of Brent, three of Camden."""
    codes = [f"E0500000{number}" for number in range(1, 7)]
    boxes = [
        shapely.box(520_000 + 1000 * c, 185_000 + 1000 * r, 521_000 + 1000 * c, 186_000 + 1000 * r)
        for c in range(2)
        for r in range(3)
    ]
    frame = {
        "WD25CD": codes,
        "WD25NM": [f"Ward {code[-1]}" for code in codes],
        "LAD25CD": ["E09000005"] * 3 + ["E09000007"] * 3,
        "LAD25NM": ["Brent"] * 3 + ["Camden"] * 3,
    }
    return gpd.GeoDataFrame(frame, geometry=boxes, crs=GRID)


def saved(frame: gpd.GeoDataFrame, folder: Path, name: str = "wards.gpkg") -> Path:
    path = folder / name
    frame.to_file(path)
    return path


def refusal(path: Path, **options: Any) -> BoundaryRefusedError:
    with pytest.raises(BoundaryRefusedError) as caught:
        load_study_area(path, name="test", **options)
    assert caught.value.file in {path.name, str(path)}
    assert caught.value.remedy
    return caught.value


def test_official_column_names_are_recognised_and_links_derived(tmp_path: Path) -> None:
    area = load_study_area(saved(toy_wards(), tmp_path), name="toy")
    assert area.wards["ward_code"].tolist() == [f"E0500000{n}" for n in range(1, 7)]
    assert area.boroughs["borough_name"].tolist() == ["Brent", "Camden"]
    assert area.wards["policed"].all()
    assert not area.approximate
    assert "licence not stated" in area.attribution[0]
    pairs = [a[-1] + b[-1] for a, b in area.ward_links[["code_a", "code_b"]].to_numpy()]
    assert pairs == ["12", "14", "23", "25", "36", "45", "56"]  # a corner is no link
    assert (area.ward_links["distance_m"] == 1000.0).all()
    assert borough_neighbours(area) == {"E09000005": ("E09000007",), "E09000007": ("E09000005",)}


def test_the_bundled_file_read_as_a_replacement_gives_the_bundled_area(repository: Path) -> None:
    folder = repository / "data" / "boundaries"
    ours = load_bundled()
    again = load_study_area(folder / "wards.geojson", folder / "boroughs.geojson", name="again")
    assert again.approximate
    assert again.attribution == ours.attribution
    pd.testing.assert_frame_equal(again.ward_links, ours.ward_links)
    pd.testing.assert_frame_equal(again.borough_links, ours.borough_links)
    for one, two in ((again.wards, ours.wards), (again.boroughs, ours.boroughs)):
        pd.testing.assert_frame_equal(
            one.drop(columns="geometry"), two.drop(columns="geometry"), check_dtype=False
        )
        assert shapely.equals(one.geometry.to_numpy(), two.geometry.to_numpy()).all()


def test_official_wards_of_2014_can_replace_the_bundled_ones(shared_data: Path) -> None:
    folder = shared_data / "boundaries"
    area = load_study_area(
        folder / "london_wards_2014.gpkg", folder / "london_boroughs.gpkg", name="GLA 2014"
    )
    assert (len(area.wards), len(area.boroughs)) == (654, 33)
    assert int(area.wards["policed"].sum()) == 629
    assert not area.approximate


def test_wards_need_no_borough_column_when_boroughs_are_given(tmp_path: Path) -> None:
    wards = toy_wards()
    boroughs = wards.dissolve("LAD25CD").reset_index()[["LAD25CD", "LAD25NM", "geometry"]]
    area = load_study_area(
        saved(wards[["WD25CD", "WD25NM", "geometry"]], tmp_path),
        saved(boroughs, tmp_path, "boroughs.gpkg"),
        name="toy",
    )
    assert area.wards["borough_name"].tolist() == ["Brent"] * 3 + ["Camden"] * 3


def test_a_mapping_names_columns_that_are_not_recognised(tmp_path: Path) -> None:
    strange = toy_wards().rename(columns={"WD25CD": "kennung", "WD25NM": "bezeichnung"})
    path = saved(strange, tmp_path)
    assert "no column holds the ward code" in refusal(path).problem
    columns = {"ward_code": "kennung", "ward_name": "bezeichnung"}
    assert len(load_study_area(path, name="toy", ward_columns=columns).wards) == 6
    assert refusal(path, ward_columns={"ward_code": "nowhere"}).column == "nowhere"
    assert refusal(path, ward_columns={"height": "kennung"}).value == "height"


def test_two_columns_that_could_each_be_the_code_are_refused(tmp_path: Path) -> None:
    wards = toy_wards()
    wards["WD24CD"] = wards["WD25CD"]
    assert "could each be" in refusal(saved(wards, tmp_path)).problem


def test_another_projected_system_is_converted(tmp_path: Path) -> None:
    metres = saved(toy_wards().to_crs("EPSG:32630"), tmp_path)
    area = load_study_area(metres, name="utm")
    assert area.wards.crs.to_epsg() == 27700
    assert locate_wards(area, [520_500.0], [185_500.0]).tolist() == ["E05000001"]


def test_degrees_and_a_missing_system_are_refused(tmp_path: Path) -> None:
    for name in ("degrees.gpkg", "degrees.geojson"):
        problem = refusal(saved(toy_wards().to_crs("EPSG:4326"), tmp_path, name))
        assert isinstance(problem, CoordinateSystemRefusedError)
        assert "degrees" in problem.problem
        assert "EPSG:27700" in problem.remedy
    bare = gpd.GeoDataFrame(pd.DataFrame(toy_wards()), geometry="geometry", crs=None)
    bare = bare.set_crs(None, allow_override=True)
    with pytest.warns(UserWarning, match="crs"):
        path = saved(bare, tmp_path, "bare.gpkg")
    problem = refusal(path)
    assert isinstance(problem, CoordinateSystemRefusedError)


def test_repeated_and_blank_codes_are_refused_with_their_row(tmp_path: Path) -> None:
    wards = toy_wards()
    wards.loc[4, "WD25CD"] = "E05000002"
    problem = refusal(saved(wards, tmp_path))
    assert (problem.row, problem.value, problem.column) == (5, "E05000002", "WD25CD")
    assert "first in row 2" in problem.problem
    wards.loc[4, "WD25CD"] = None
    problem = refusal(saved(wards, tmp_path, "blank.gpkg"))
    assert (problem.row, problem.column) == (5, "WD25CD")


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), "crosses or touches itself"),
        (shapely.Polygon(), "empty"),
        (None, "empty"),
        (shapely.Point(520_000, 185_000), "not a polygon"),
        (shapely.LineString([(0, 0), (1, 1)]), "not a polygon"),
        (shapely.box(51, -1, 52, 0), "outside Great Britain"),
        (shapely.box(-5e6, 1, -4e6, 2), "outside Great Britain"),
    ],
)
def test_shapes_that_cannot_be_a_ward_are_refused(
    tmp_path: Path, shape: shapely.Geometry | None, words: str
) -> None:
    wards = toy_wards()
    shapes = wards.geometry.to_numpy().copy()
    shapes[3] = shape
    problem = refusal(saved(wards.set_geometry(gpd.GeoSeries(shapes, crs=GRID)), tmp_path))
    assert words in problem.problem
    assert problem.row == 4


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_coordinates_that_are_not_finite_are_refused(tmp_path: Path, number: float) -> None:
    wards = toy_wards()
    shapes = wards.geometry.to_numpy().copy()
    with np.errstate(invalid="ignore"):
        ring = [(520_000, 185_000), (521_000, number), (521_000, 186_000), (520_000, 185_000)]
        shapes[0] = shapely.Polygon(ring)
    problem = refusal(saved(wards.set_geometry(gpd.GeoSeries(shapes, crs=GRID)), tmp_path))
    assert problem.row == 1
    assert "finite" in problem.problem


def test_wards_of_two_vintages_in_one_file_are_refused(tmp_path: Path) -> None:
    wards = toy_wards()
    shifted = wards.iloc[[0]].assign(
        WD25CD="E05000009", geometry=wards.geometry[[0]].translate(300)
    )
    problem = refusal(saved(pd.concat([wards, shifted], ignore_index=True), tmp_path))
    assert "overlap by 70%" in problem.problem


def test_wards_outside_every_borough_are_refused_by_name(tmp_path: Path) -> None:
    wards = toy_wards()
    boroughs = wards.dissolve("LAD25CD").reset_index()[["LAD25CD", "LAD25NM", "geometry"]]
    brent = saved(boroughs.iloc[:1], tmp_path, "brent.gpkg")
    path = saved(wards, tmp_path)
    problem = refusal(path, boroughs_path=brent)
    assert "3 of 6 wards lie outside every borough" in problem.problem
    assert problem.value == "E05000004"
    moved = saved(boroughs.assign(geometry=boroughs.translate(50_000)), tmp_path, "moved.gpkg")
    assert "touches none" in refusal(path, boroughs_path=moved).problem


def test_a_ward_that_names_another_borough_is_refused(tmp_path: Path) -> None:
    wards = toy_wards()
    boroughs = wards.dissolve("LAD25CD").reset_index()[["LAD25CD", "LAD25NM", "geometry"]]
    held = saved(boroughs, tmp_path, "boroughs.gpkg")
    wards.loc[0, "LAD25CD"] = "E09000007"
    assert "lies in E09000005" in refusal(saved(wards, tmp_path), boroughs_path=held).problem
    wards.loc[0, "LAD25CD"] = "E09000099"
    problem = refusal(saved(wards, tmp_path, "unknown.gpkg"), boroughs_path=held)
    assert problem.value == "E09000099"
    assert "not in the file of boroughs" in problem.problem


def test_a_borough_without_a_ward_is_refused(tmp_path: Path) -> None:
    wards = toy_wards()
    boroughs = wards.dissolve("LAD25CD").reset_index()[["LAD25CD", "LAD25NM", "geometry"]]
    held = saved(boroughs, tmp_path, "boroughs.gpkg")
    problem = refusal(saved(wards.iloc[:3], tmp_path), boroughs_path=held)
    assert (problem.value, problem.problem) == ("E09000007", "1 boroughs hold no ward")


def test_boroughs_that_no_link_knows_are_refused(tmp_path: Path) -> None:
    wards = toy_wards().replace({"E09000007": "X1", "E09000005": "X2"})
    path = saved(wards, tmp_path)
    assert refusal(path).value == "X1"
    links = tmp_path / "links.csv"
    links.write_text("code_a,code_b,kind,crossing,open_to_motor_vehicles\nX1,X2,land,,0\n")
    area = load_study_area(path, name="elsewhere", borough_links_path=links)
    assert len(area.ward_links) == 4  # none between the two boroughs: the link is closed


def test_wards_without_any_borough_are_refused(tmp_path: Path) -> None:
    alone = toy_wards()[["WD25CD", "WD25NM", "geometry"]]
    assert "do not say in which borough" in refusal(saved(alone, tmp_path)).problem
    wards = toy_wards()
    wards.loc[0, "LAD25NM"] = "Brant"
    assert "two names" in refusal(saved(wards, tmp_path, "names.gpkg")).problem


def test_files_that_are_no_geometry_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "absent.gpkg").problem
    for name, content in {
        "text.csv": "a,b\n",
        "broken.gpkg": "not a database",
        "broken.geojson": '{"type": "FeatureCollection", "features": [',
        "other.json": '{"a": 1}',
        "empty.geojson": "",
    }.items():
        path = tmp_path / name
        path.write_text(content)
        problem = refusal(path)
        assert any(words in problem.problem for words in ("not a geometry", "are not read"))


def test_no_features_and_several_layers_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "none.geojson"
    empty.write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    assert "no features" in refusal(empty).problem
    path = saved(toy_wards(), tmp_path)
    toy_wards().to_file(path, layer="second")
    assert "2 layers" in refusal(path).problem


def test_files_above_the_bounds_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(toy_wards(), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(validate, "MAX_FEATURES", 5)
        assert "6 features (bound 5)" in refusal(path).problem
    with monkeypatch.context() as patch:
        patch.setattr(validate, "MAX_BYTES", 1000)
        assert "(bound 1,000)" in refusal(path).problem
    monkeypatch.setattr(validate, "MAX_VERTICES", 29)
    assert "30 vertices (bound 29)" in refusal(path).problem


def test_geojson_in_british_national_grid_is_written_and_read_exactly(tmp_path: Path) -> None:
    wards = toy_wards()
    path = tmp_path / "wards.geojson"
    write_geojson(wards, path)
    first = path.read_bytes()
    write_geojson(wards, path)
    assert path.read_bytes() == first
    area: StudyArea = load_study_area(path, name="toy")
    assert shapely.equals(area.wards.geometry.to_numpy(), wards.geometry.to_numpy()).all()
