"""Hot spots: found where planted, silent on chance, named as a person would, never from two."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from shapely.geometry import Point, Polygon, box

from hotspots.clusters import (
    ClusterAreas,
    HotSpotSettings,
    IncidentPoints,
    chance_threshold,
    find_hot_spots,
    in_words,
    place_name,
)
from hotspots.errors import AssessmentRefusedError
from hotspots.findings import HotSpot

SIDE = 7_000.0
AS_OF = date(2026, 1, 1)
AREAS = ClusterAreas(
    ward_codes=("E1", "E2", "E3"),
    ward_names=("Tottenham Green", "Bruce Castle", "Soho"),
    borough_of_ward=np.array([0, 0, 1]),
    borough_names=("Haringey", "Westminster"),
    borough_shapes=(box(0, 0, 2 * SIDE, SIDE), box(2 * SIDE, 0, 3 * SIDE, SIDE)),
)


def points(
    x_m: NDArray[np.float64],
    y_m: NDArray[np.float64],
    days_ago: NDArray[np.int64] | None = None,
    weight: NDArray[np.float64] | None = None,
) -> IncidentPoints:
    ago = np.arange(1, len(x_m) + 1) if days_ago is None else days_ago
    return IncidentPoints(
        x_m=np.asarray(x_m, dtype=float),
        y_m=np.asarray(y_m, dtype=float),
        weight=np.ones(len(x_m)) if weight is None else weight,
        day=np.datetime64(AS_OF, "D") - ago.astype("timedelta64[D]"),
        ward=np.clip(np.asarray(x_m) // SIDE, 0, 2).astype(np.intp),
    )


def chance(random: np.random.Generator, *, decayed: bool = False) -> IncidentPoints:
    """Return incidents spread evenly over each ward, with unequal numbers."""
    x = np.concatenate([random.random(250) * 2 * SIDE, (2 + random.random(60)) * SIDE])
    weight = np.exp2(-3 * random.random(310)) if decayed else np.ones(310)
    return points(x, random.random(310) * SIDE, random.integers(1, 600, 310), weight)


def joined(first: IncidentPoints, second: IncidentPoints) -> IncidentPoints:
    names = ("x_m", "y_m", "weight", "day", "ward")
    return IncidentPoints(
        *(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names)
    )


def planted(random: np.random.Generator, number: int, x_m: float, y_m: float) -> IncidentPoints:
    return points(x_m + random.normal(0, 80, number), y_m + random.normal(0, 80, number))


def find(given: IncidentPoints) -> tuple[HotSpot, ...]:
    return find_hot_spots(given, AREAS, as_of=AS_OF)


def outline(spot: HotSpot) -> Polygon:
    return Polygon(spot.polygon[0], spot.polygon[1:])


@pytest.mark.parametrize("decayed", [False, True])
def test_maps_of_pure_chance_show_a_hot_spot_in_at_most_one_week_in_twenty(decayed: bool) -> None:
    maps = 150
    wrong = sum(bool(find(chance(np.random.default_rng(s), decayed=decayed))) for s in range(maps))
    # Of 150 maps with an error rate of 5 % fewer than 1 in 10,000 tries show more than 19.
    assert wrong <= 19


def test_planted_hot_spots_are_found_where_they_are() -> None:
    found = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        spots = find(joined(chance(random), planted(random, 15, 17_000, 3_000)))
        near = [one for one in spots if outline(one).contains(Point(17_000, 3_000))]
        found += len(near) == 1
        for one in near:
            assert one.ward_codes == ("E3",)
            assert 13 <= one.n_records <= 30
            assert one.weight > 5 * one.expected_weight
    assert found >= 19


def test_a_hot_spot_says_where_when_and_how_much() -> None:
    x = np.array([6_950, 6_990, 7_010, 7_030, 7_060, 7_090, 6_900, 7_050], dtype=float)
    spot = find(points(x, np.full(8, 2_000.0), np.array([5, 9, 27, 28, 29, 40, 50, 400])))[0]
    assert spot.hot_spot_id == "H1"
    assert spot.name == "Bruce Castle and Tottenham Green (Haringey)"
    assert spot.ward_codes == ("E2", "E1")
    assert (spot.n_records, spot.n_last_28_days) == (8, 4)
    assert (spot.first_day, spot.last_day) == (date(2024, 11, 27), date(2025, 12, 27))
    shape = outline(spot)
    assert shape.is_valid
    assert spot.area_km2 == pytest.approx(shape.area / 1e6, abs=2e-3)
    assert all(shape.contains(Point(one, 2_000)) for one in x)
    assert spot.expected_weight == pytest.approx(8 / (2 * SIDE**2) * shape.area, rel=0.01)


def test_the_order_of_the_records_changes_nothing() -> None:
    random = np.random.default_rng(5)
    given = joined(chance(random), planted(random, 15, 3_000, 3_000))
    order = np.random.default_rng(6).permutation(len(given.weight))
    names = ("x_m", "y_m", "weight", "day", "ward")
    shuffled = IncidentPoints(*(getattr(given, name)[order] for name in names))
    assert find(shuffled) == find(given)
    assert find(given)


def test_two_records_or_one_bad_night_are_no_hot_spot() -> None:
    assert find(points(np.array([100.0, 110.0]), np.array([100.0, 100.0]))) == ()
    assert find(points(np.full(4, 100.0), np.full(4, 100.0))) == ()
    one_night = points(np.full(30, 100.0), np.full(30, 100.0), np.full(30, 3))
    assert find(one_night) == ()
    nothing = points(np.zeros(0), np.zeros(0))
    assert find(nothing) == ()


def test_all_records_at_one_point_are_one_hot_spot() -> None:
    spots = find(points(np.full(40, 1_000.0), np.full(40, 1_000.0)))
    assert len(spots) == 1
    assert spots[0].n_records == 40
    assert np.isfinite(outline(spots[0]).area)


def test_weak_records_weigh_less_than_strong_ones() -> None:
    random = np.random.default_rng(3)
    strong = joined(chance(random), planted(random, 12, 3_000, 3_000))
    weak_weight = np.where(np.arange(len(strong.weight)) >= 310, 0.05, strong.weight)
    assert find(strong)
    assert find(replace(strong, weight=weak_weight)) == ()


def test_dense_boroughs_ask_for_more() -> None:
    threshold = chance_threshold(chance(np.random.default_rng(1)), AREAS, HotSpotSettings())
    assert threshold[0] > threshold[1] >= 5
    wider = chance_threshold(
        chance(np.random.default_rng(1)), AREAS, HotSpotSettings(radius_m=600.0)
    )
    assert (wider > threshold).all()


def test_outlines_hold_all_their_records_in_one_valid_piece() -> None:
    for seed in range(10):
        random = np.random.default_rng(seed)
        chain = 2_000 + np.arange(30) * 100.0
        given = points(chain, 3_000 + random.normal(0, 40, 30))
        spots = find(given)
        assert len(spots) == 1
        shape = outline(spots[0])
        assert shape.is_valid
        assert shapely.contains_xy(shape, given.x_m, given.y_m).sum() >= spots[0].n_records


@pytest.mark.parametrize(
    ("wards", "boroughs", "said"),
    [
        (["Soho"], ["Westminster"], "Soho (Westminster)"),
        (["A", "B"], ["X", "X"], "A and B (X)"),
        (["A", "B", "C", "D", "E"], ["X", "Y", "X"], "A, B, C and 2 more (X and Y)"),
    ],
)
def test_places_are_named_as_a_person_would(
    wards: list[str], boroughs: list[str], said: str
) -> None:
    assert place_name(wards, boroughs) == said
    assert in_words([]) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"weight": np.array([1.0, 0.0])},
        {"weight": np.array([1.0, np.nan])},
        {"weight": np.array([1.0])},
        {"x_m": np.array([np.inf, 1.0])},
        {"ward": np.array([0, 3])},
        {"ward": np.array([-1, 0])},
        {"day": np.array(["2026-01-01", "2025-01-01"], dtype="datetime64[D]")},
    ],
)
def test_bad_points_are_refused(changes: dict[str, object]) -> None:
    good = points(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    with pytest.raises(AssessmentRefusedError, match="Remedy"):
        find(replace(good, **changes))  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "changes",
    [{"radius_m": 0.0}, {"radius_m": float("nan")}, {"least_records": 2}, {"map_error_rate": 0.9}],
)
def test_settings_that_cannot_be_meant_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(AssessmentRefusedError, match=next(iter(changes))):
        HotSpotSettings(**changes)  # type: ignore[arg-type]  # wrong on purpose
