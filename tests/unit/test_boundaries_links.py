"""Which wards are linked: connected, never across a bridgeless river, open crossings only."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely

from hotspots.boundaries.borough_links import borough_neighbours, read_borough_links
from hotspots.boundaries.study_area import (
    StudyArea,
    load_bundled,
    locate_wards,
    thames_banks,
    ward_centres,
)
from hotspots.boundaries.ward_links import CROSSING_TOLERANCE_M, derive_ward_links
from hotspots.errors import BoundaryRefusedError


@pytest.fixture(scope="module")
def london() -> StudyArea:
    return load_bundled()


@pytest.fixture(scope="module")
def crossings(repository: Path) -> pd.DataFrame:
    return pd.read_csv(
        repository / "data" / "boundaries" / "river_crossings.csv", keep_default_na=False
    )


@pytest.fixture(scope="module")
def linked(london: StudyArea) -> pd.DataFrame:
    """Return the ward links with the borough and bank of both ends."""
    wards = london.wards.set_index("ward_code")
    banks = pd.Series(thames_banks(london.wards), index=wards.index)
    return london.ward_links.assign(
        borough_a=london.ward_links["code_a"].map(wards["borough_code"]),
        borough_b=london.ward_links["code_b"].map(wards["borough_code"]),
        bank_a=london.ward_links["code_a"].map(banks),
        bank_b=london.ward_links["code_b"].map(banks),
    )


def graph(london: StudyArea, codes: set[str]) -> nx.Graph:
    built = nx.Graph()
    built.add_nodes_from(codes)
    pairs = london.ward_links[["code_a", "code_b"]].to_numpy()
    built.add_edges_from((a, b) for a, b in pairs if a in codes and b in codes)
    return built


def test_the_committed_links_are_those_the_rule_gives(
    london: StudyArea, crossings: pd.DataFrame
) -> None:
    links = derive_ward_links(
        london.wards, thames_banks(london.wards), london.borough_links, crossings
    )
    pd.testing.assert_frame_equal(links, london.ward_links)


def test_the_679_policed_wards_are_connected_and_so_is_every_borough(london: StudyArea) -> None:
    policed = london.wards[london.wards["policed"]]
    assert nx.is_connected(graph(london, set(policed["ward_code"])))
    assert nx.is_connected(graph(london, set(london.wards["ward_code"])))
    for _, wards in london.wards.groupby("borough_code"):
        assert nx.is_connected(graph(london, set(wards["ward_code"])))


def test_richmond_is_joined_over_its_own_bridges_only(
    linked: pd.DataFrame, london: StudyArea
) -> None:
    inside = linked[(linked["borough_a"] == "E09000027") & (linked["borough_b"] == "E09000027")]
    over = inside[inside["bank_a"] != inside["bank_b"]]
    assert len(over) == 2  # Richmond Bridge and Twickenham Bridge
    wards = london.wards[london.wards["borough_code"] == "E09000027"]
    built = graph(london, set(wards["ward_code"]))
    built.remove_edges_from(over[["code_a", "code_b"]].to_numpy().tolist())
    assert nx.number_connected_components(built) == 2


def test_no_land_link_crosses_the_thames_and_every_river_link_does(linked: pd.DataFrame) -> None:
    over = linked["bank_a"] != linked["bank_b"]
    assert set(linked.loc[over, "kind"]) == {"river"}
    assert set(linked.loc[~over, "kind"]) == {"land"}
    assert int(over.sum()) == 20


def test_boroughs_of_linked_wards_are_exactly_the_open_borough_links(
    linked: pd.DataFrame, london: StudyArea
) -> None:
    between = linked[linked["borough_a"] != linked["borough_b"]]
    met = {tuple(sorted(pair)) for pair in between[["borough_a", "borough_b"]].to_numpy()}
    near = borough_neighbours(london)
    assert met == {(a, b) for a, others in near.items() for b in others if a < b}


def test_links_are_sorted_unique_pairs_with_plausible_distances(london: StudyArea) -> None:
    links = london.ward_links
    assert (links["code_a"] < links["code_b"]).all()
    assert not links.duplicated(["code_a", "code_b"]).any()
    assert links.equals(links.sort_values(["code_a", "code_b"], ignore_index=True))
    centres = dict(zip(london.wards["ward_code"], ward_centres(london.wards), strict=True))
    straight_m = np.array(
        [np.linalg.norm(centres[a] - centres[b]) for a, b in links.iloc[:, :2].to_numpy()]
    )
    land = (links["kind"] == "land").to_numpy()
    assert links["distance_m"].to_numpy()[land] == pytest.approx(straight_m[land], abs=0.06)
    assert (links["distance_m"].to_numpy()[~land] >= straight_m[~land] - 0.06).all()
    assert links["distance_m"].between(100, 12_000).all()


def test_every_crossing_ends_in_its_boroughs_and_on_its_banks(
    london: StudyArea, crossings: pd.DataFrame
) -> None:
    wards = london.wards
    banks = thames_banks(wards)
    for bank in ("north", "south"):
        ends = shapely.points(crossings[f"{bank}_x_m"], crossings[f"{bank}_y_m"])
        for end, borough, name in zip(
            ends, crossings[f"{bank}_borough"], crossings["name"], strict=True
        ):
            there = (wards["borough_code"] == borough).to_numpy() & (banks == bank)
            gap_m = shapely.distance(wards.geometry.to_numpy()[there], end).min()
            assert gap_m <= 150, f"{name}, {bank}: {gap_m:.0f} m"
    assert CROSSING_TOLERANCE_M >= 150


def test_no_crossing_is_shorter_than_the_river_or_longer_than_a_tunnel(
    crossings: pd.DataFrame,
) -> None:
    span_m = np.hypot(
        crossings["north_x_m"] - crossings["south_x_m"],
        crossings["north_y_m"] - crossings["south_y_m"],
    )
    bridge = crossings["kind"] == "bridge"
    assert span_m[bridge].between(100, 500).all()
    assert span_m[~bridge].between(500, 2_000).all()


def test_crossings_and_the_borough_table_tell_the_same_story(
    repository: Path, crossings: pd.DataFrame
) -> None:
    table = read_borough_links(repository / "data" / "boundaries" / "borough_links.csv")
    table = table.set_index(["code_a", "code_b"])
    for crossing in crossings.itertuples():
        pair = tuple(sorted((crossing.north_borough, crossing.south_borough)))
        if pair[0] != pair[1]:
            row = table.loc[pair]
            assert row["open_to_motor_vehicles"] == bool(crossing.open_to_motor_vehicles)
            if row["kind"] == "river":
                assert crossing.name.split()[0] in row["crossing"], crossing.name
    named = table[(table["kind"] == "river") & table["open_to_motor_vehicles"]]
    pairs = {
        tuple(sorted(pair))
        for pair in crossings[["north_borough", "south_borough"]].to_numpy().tolist()
    }
    assert set(named.index) <= pairs


def test_closing_a_bridge_removes_its_link_and_opening_one_adds_it(
    london: StudyArea, crossings: pd.DataFrame
) -> None:
    banks = thames_banks(london.wards)
    changed = crossings.copy()
    changed.loc[changed["name"] == "Chelsea Bridge", "open_to_motor_vehicles"] = 0
    changed.loc[changed["name"] == "Hammersmith Bridge", "open_to_motor_vehicles"] = 1
    links = derive_ward_links(london.wards, banks, london.borough_links, changed)
    before = set(map(tuple, london.ward_links[["code_a", "code_b"]].to_numpy()))
    after = set(map(tuple, links[["code_a", "code_b"]].to_numpy()))
    borough = london.wards.set_index("ward_code")["borough_code"]
    boroughs = [
        {borough[a] for a, _ in group} | {borough[b] for _, b in group}
        for group in (before - after, after - before)
    ]
    assert boroughs == [{"E09000032", "E09000033"}, {"E09000013", "E09000027"}]


def test_a_crossing_that_ends_nowhere_near_its_borough_is_refused(
    london: StudyArea, crossings: pd.DataFrame
) -> None:
    moved = crossings.copy()
    moved.loc[moved["name"] == "Tower Bridge", "north_y_m"] += 20_000
    with pytest.raises(BoundaryRefusedError, match=r"north end of Tower Bridge"):
        derive_ward_links(london.wards, thames_banks(london.wards), london.borough_links, moved)


def _squares(gap_m: float) -> gpd.GeoDataFrame:
    boxes = [
        shapely.box(520_000, 185_000, 521_000, 186_000),
        shapely.box(521_000 + gap_m, 185_000, 522_000, 186_000),
    ]
    frame = {"ward_code": ["A", "B"], "borough_code": ["X", "Y"]}
    return gpd.GeoDataFrame(frame, geometry=boxes, crs="EPSG:27700")


@pytest.mark.parametrize(("gap_m", "banks"), [(0.0, "nn"), (8.0, "nn"), (0.0, "ns"), (30.0, "nn")])
@pytest.mark.parametrize("is_open", [True, False])
def test_the_land_rule_on_two_squares(
    crossings: pd.DataFrame, gap_m: float, banks: str, is_open: bool
) -> None:
    table = pd.DataFrame(
        {"code_a": ["X"], "code_b": ["Y"], "kind": ["land"], "open_to_motor_vehicles": [is_open]}
    )
    links = derive_ward_links(_squares(gap_m), np.array(list(banks)), table, crossings)
    # Open boroughs on one bank are linked even over a gap too wide to be a sliver (rule 2).
    assert len(links) == int(is_open and banks == "nn")


def test_banks_of_older_wards_follow_the_river(shared_data: Path) -> None:
    wards = gpd.read_file(shared_data / "boundaries" / "london_wards_2014.gpkg")
    banks = thames_banks(wards)
    by_borough = pd.Series(banks).groupby(wards["borough_name"]).unique().map(sorted)
    both = [name for name, found in by_borough.items() if len(found) > 1]
    assert both == ["Richmond upon Thames"]
    assert by_borough["Wandsworth"] == ["south"]
    assert by_borough["Hounslow"] == ["north"]
    found = locate_wards(load_bundled(), *ward_centres(wards).T)
    assert (found != "").mean() > 0.99
