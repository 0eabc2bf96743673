"""Drive times: worked by hand, and refused where they are not times."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from allocator.errors import PlanningRefusedError
from allocator.travel_time import RoadSpeeds, embedded_travel_time, travel_time
from hotspots.assessment import WardLink
from tests.oracle.plan_worlds import make_world

SPEEDS = RoadSpeeds(
    inner_km_per_h=18.0, outer_km_per_h=36.0, blue_light_factor=1.0, river_delay_s=30.0
)


def test_shortest_paths_worked_by_hand() -> None:
    world = make_world(0, n_boroughs=3, wards_each=1)
    a, b, c = (place.code for place in world.places)
    assert world.places[0].borough_code == "E09000002"  # all three are outer London
    links = (WardLink(a, b, "land", 3_600.0), WardLink(b, c, "river", 1_800.0))
    seconds = embedded_travel_time(replace(world, ward_links=links), SPEEDS).seconds
    assert seconds[0, 1] == 360.0  # 3.6 km at 36 km/h
    assert seconds[1, 2] == 210.0  # 1.8 km, and 30 s for the crossing
    assert seconds[0, 2] == seconds[2, 0] == 570.0
    side_km = np.sqrt(world.places[0].area_km2)
    assert seconds[0, 0] == pytest.approx(0.5214 * side_km * 1.3 / 36 * 3600, abs=0.06)


def test_inner_london_is_slower_and_links_may_cross_the_city() -> None:
    world = make_world(0, n_boroughs=6, wards_each=1)
    codes = [place.code for place in world.places]
    assert world.places[5].borough_code == "E09000007"  # Camden
    chain = [WardLink(p, q, "land", 3_600.0) for p, q in itertools.pairwise(codes[:4])]
    city = [
        WardLink(codes[3], "E05CITY", "land", 3_600.0),
        WardLink("E05CITY", codes[4], "land", 3_600.0),
    ]
    inner = [WardLink(codes[4], codes[5], "land", 3_600.0)]
    matrix = embedded_travel_time(replace(world, ward_links=tuple(chain + city + inner)), SPEEDS)
    assert matrix.seconds.shape == (6, 6)
    assert matrix.seconds[3, 4] == 2 * (180 + 360)  # half outer, half inner, twice
    assert matrix.seconds[4, 5] == 180 + 360


def test_a_ward_without_a_road_is_named() -> None:
    world = make_world(1)
    lonely = world.places[3]
    links = tuple(
        link for link in world.ward_links if lonely.code not in (link.code_a, link.code_b)
    )
    with pytest.raises(PlanningRefusedError, match=lonely.code):
        embedded_travel_time(replace(world, ward_links=links))


def test_a_matrix_keeps_its_direction_and_hash() -> None:
    seconds = np.array([[10.0, 300.0], [420.0, 20.0]])
    one = travel_time(("A", "B"), seconds, source="measured")
    assert one.seconds[0, 1] != one.seconds[1, 0]
    assert one.sha256 == travel_time(("A", "B"), seconds.copy(), source="measured").sha256
    for other in (
        travel_time(("A", "B"), seconds, source="other"),
        travel_time(("A", "B"), seconds.T, source="measured"),
        travel_time(("A", "C"), seconds, source="measured"),
    ):
        assert other.sha256 != one.sha256
    with pytest.raises(ValueError, match="read-only"):
        one.seconds[0, 0] = 1.0
    seconds[0, 0] = 99.0
    assert one.seconds[0, 0] == 10.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (np.zeros((2, 3)), r"\(2, 3\), expected \(2, 2\)"),
        (np.array([[1.0, -5.0], [1.0, 1.0]]), "from ward A to ward B takes -5"),
        (np.array([[1.0, 1.0], [np.nan, 1.0]]), "from ward B to ward A takes nan"),
        (np.array([[1.0, np.inf], [1.0, 1.0]]), "takes inf"),
    ],
)
def test_what_is_no_matrix_of_times_is_refused(seconds: np.ndarray, words: str) -> None:
    with pytest.raises(PlanningRefusedError, match=words):
        travel_time(("A", "B"), seconds, source="test")


@pytest.mark.parametrize(
    ("name", "value"),
    [("inner_km_per_h", 0.0), ("blue_light_factor", float("nan")), ("river_delay_s", -1.0)],
)
def test_speeds_have_bounds(name: str, value: float) -> None:
    with pytest.raises(PlanningRefusedError, match=name):
        embedded_travel_time(make_world(1), replace(RoadSpeeds(), **{name: value}))
