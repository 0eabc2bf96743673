"""The clipped lattice: which cells are inside and how much of them."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import MultiPolygon, Point, Polygon, box

from hotspots.errors import AssessmentRefusedError, CoordinateSystemRefusedError
from hotspots.grid import clip_grid

CITY = Polygon(
    [(1_010, 2_020), (9_700, 1_600), (8_000, 7_900), (4_400, 4_100), (1_300, 8_800)],
    [[(5_000, 2_500), (6_500, 2_500), (6_500, 3_500), (5_000, 3_500)]],
)


def test_area_shares_sum_to_the_polygon_and_match_plain_clipping() -> None:
    grid = clip_grid(CITY, cell_size_m=250)
    assert grid.area_share.sum() * 250**2 == pytest.approx(CITY.area, rel=1e-12)
    for row, column in np.ndindex(*grid.shape):
        west, south = grid.x0_m + column * 250, grid.y0_m + row * 250
        cell = box(west, south, west + 250, south + 250)
        assert grid.area_share[row, column] == pytest.approx(
            cell.intersection(CITY).area / 250**2, abs=1e-12
        )
        assert grid.inside[row, column] == CITY.contains(cell.centroid)


def test_centres_are_inside_and_on_the_common_lattice() -> None:
    x, y = clip_grid(CITY, cell_size_m=250).centres()
    assert all(CITY.contains(Point(*place)) for place in zip(x, y, strict=True))
    assert ((x - 125) % 250 == 0).all()
    assert ((y - 125) % 250 == 0).all()
    part = clip_grid(box(3_000, 2_000, 4_000, 3_000), cell_size_m=250)
    assert set(zip(*part.centres(), strict=True)) <= set(zip(x, y, strict=True))


@pytest.mark.parametrize(
    ("polygon", "cell_size_m", "error"),
    [
        (box(-0.5, 51.3, 0.3, 51.7), 250, CoordinateSystemRefusedError),
        (box(1_000, 1_000, 1_010, 1_010), 250, AssessmentRefusedError),
        (Polygon(), 250, AssessmentRefusedError),
        (MultiPolygon(), 250, AssessmentRefusedError),
        (CITY, 0, AssessmentRefusedError),
        (CITY, float("nan"), AssessmentRefusedError),
        (box(0, 0, 1e8, 1e8), 250, AssessmentRefusedError),
    ],
)
def test_what_cannot_be_a_grid_is_refused(polygon, cell_size_m, error) -> None:
    with pytest.raises(error, match="Remedy"):
        clip_grid(polygon, cell_size_m=cell_size_m)
