"""The week's map as text: size, determinism, policy, escaping, classes and refusals."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import zlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from api.maps.escaping import data_block, safe_text
from api.maps.outlines import TOLERANCE_M, encode, simplify
from api.maps.risk_grid import AREA_SHARES, COLOURS, classify, draw_grid, indexed_png
from api.maps.week_map import render
from api.wording import british_date, plan_in_words, rate, week_in_words
from hotspots.boundaries.study_area import StudyArea, load_bundled
from hotspots.errors import AssessmentRefusedError
from tests.browser.map_world import make_assessment, make_cells, make_plan


@pytest.fixture(scope="module")
def area() -> StudyArea:
    return load_bundled()


@pytest.fixture(scope="module")
def html(area: StudyArea) -> str:
    return render(make_assessment(area), make_plan(area), area, make_cells(area))


def test_page_is_small_and_the_same_every_time(area: StudyArea, html: str) -> None:
    cells = make_cells(area)
    assert len(cells) > 20_000
    assert len(html.encode("utf-8")) < 2_000_000
    again = render(make_assessment(area), make_plan(area), load_bundled(), cells)
    assert again == html


def test_page_names_no_address_it_could_load(html: str) -> None:
    markup = re.sub(r"<script[^>]*>.*?</script>", "", html, flags=re.DOTALL)
    loads = re.findall(r"""(?:src|href|action|data)\s*=\s*["']?([^"'\s>]+)""", markup)
    assert loads
    assert all(link.startswith(("#", "data:")) for link in loads)
    assert "sourceMappingURL" not in html
    urls = re.findall(r"url\(([^)]*)\)", html)
    assert all(url.startswith(("#", "data:")) for url in urls)


def test_policy_allows_exactly_the_scripts_and_styles_of_the_page(html: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert "unsafe" not in policy[1]
    assert policy[1].startswith("default-src 'none'")
    blocks = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", html, re.DOTALL)
    digests = {base64.b64encode(hashlib.sha256(b.encode()).digest()).decode() for b in blocks}
    assert digests == set(re.findall(r"'sha256-([^']*)'", policy[1]))
    assert policy.start() < html.index("<style>")
    assert ' style="' not in html.split("<body>")[1].split("<script>", maxsplit=1)[0]


def test_viewport_leaves_zooming_to_the_reader(html: str) -> None:
    viewport = re.findall(r'<meta name="viewport" content="([^"]*)"', html)
    assert viewport == ["width=device-width, initial-scale=1"]


@given(st.text())
def test_safe_text_leaves_no_character_with_a_meaning(text: str) -> None:
    escaped = safe_text(text)
    assert not set("<>\"'`$\\{}") & set(escaped)
    assert not any(ord(character) < 32 and character not in "\n\t" for character in escaped)


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner, max_size=3)))
def test_data_block_reads_back_and_cannot_end_its_element(value: object) -> None:
    block = data_block(value)
    assert json.loads(block) == value
    assert not set("<>&`") & set(block)


@given(arrays(np.float64, st.integers(1, 400), elements=st.floats(0, 10)))
def test_no_class_holds_more_than_its_share_of_the_area(expected: np.ndarray) -> None:
    classes = classify(expected)
    for index, share in enumerate(AREA_SHARES):
        chosen = expected[classes <= index]
        assert len(chosen) <= share * len(expected)
        if len(chosen):
            assert chosen.min() > expected[classes > index].max()


def test_an_even_picture_accuses_no_place() -> None:
    assert (classify(np.full(500, 0.3)) == len(AREA_SHARES)).all()


def test_distinct_values_fill_each_class_to_its_share() -> None:
    counts = np.bincount(classify(np.arange(1000.0)))
    assert counts.tolist() == [10, 40, 50, 150, 250, 500]


def test_picture_has_the_risk_of_each_cell_at_its_place() -> None:
    """Decode the PNG by hand: a 3 x 2 lattice with a hole and an uncovered cell."""
    cells = pd.DataFrame(
        {
            "x_m": [125.0, 375.0, 625.0, 125.0, 625.0],
            "y_m": [375.0, 375.0, 375.0, 125.0, 125.0],
            "expected_per_week": [1.0, 2.0, 3.0, 4.0, 5.0],
        }
    )
    known = np.array([True, True, True, True, False])
    grid = draw_grid(cells, known, cell_size_m=250)
    assert grid is not None
    assert grid.bounds_m == (0.0, 0.0, 750.0, 500.0)
    width, height = struct.unpack(">II", grid.png[16:24])
    start = grid.png.index(b"IDAT")
    length = struct.unpack(">I", grid.png[start - 4 : start])[0]
    raw = zlib.decompress(grid.png[start + 4 : start + 4 + length])
    pixels = np.frombuffer(raw, np.uint8).reshape(height, width + 1)[:, 1:]
    clear = len(COLOURS)
    classes = classify(np.array([1.0, 2.0, 3.0, 4.0]))
    assert pixels.tolist() == [classes[:3].tolist(), [int(classes[3]), clear, clear]]
    assert sum(c.share_of_expected for c in grid.classes) == pytest.approx(1.0)


def test_png_is_read_by_another_program(tmp_path: object) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow decodes the picture independently")
    from io import BytesIO

    pixels = np.array([[0, 1, 2], [5, 6, 0]], dtype=np.uint8)
    shown = np.asarray(image.open(BytesIO(indexed_png(pixels))).convert("RGBA"))
    assert tuple(shown[0, 0][:3]) == tuple(bytes.fromhex(COLOURS[0][1:]))
    assert shown[1, 1][3] == 0
    assert shown[1, 0][3] == 255


def test_outlines_keep_shape_edges_and_nesting(area: StudyArea) -> None:
    outlines = simplify(area)
    simple = np.array([outlines.wards[code] for code in area.wards["ward_code"]])
    assert shapely.coverage_is_valid(simple)
    true_area = area.wards.geometry.area.to_numpy()
    assert np.abs(shapely.area(simple) / true_area - 1).max() < 0.05
    union = shapely.union_all(list(outlines.boroughs.values()))
    assert shapely.area(shapely.symmetric_difference(union, shapely.union_all(simple))) < 1.0
    hausdorff = shapely.hausdorff_distance(simple[100], area.wards.geometry.to_numpy()[100])
    assert hausdorff < 20 * TOLERANCE_M


def test_encoded_outline_reads_back_to_the_metre() -> None:
    ring = [(530000.4, 180000.2), (531000.0, 180010.0), (530500.0, 181000.0)]
    [[encoded]] = encode(shapely.Polygon(ring))
    points = np.cumsum(np.array(encoded).reshape(-1, 2), axis=0)
    assert points.tolist() == [[530000, 180000], [530500, 181000], [531000, 180010]] or (
        points.tolist() == [[530000, 180000], [531000, 180010], [530500, 181000]]
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(12.34, "12.3"), (0.5, "0.50"), (0.0312, "0.031"), (0.00042, "0.00042"), (0.0, "0")],
)
def test_rates_have_two_figures(value: float, text: str) -> None:
    assert rate(value) == text


def test_dates_and_weeks_are_british(area: StudyArea) -> None:
    assert british_date(make_assessment(area).as_of) == "23 November 2026"
    assert week_in_words("2026-W48") == "Monday 23 to Sunday 29 November 2026"
    assert week_in_words("2026-W49") == "Monday 30 November to Sunday 6 December 2026"
    assert week_in_words("2026-W53") == "Monday 28 December 2026 to Sunday 3 January 2027"


def test_each_status_is_said_apart(area: StudyArea) -> None:
    plan = make_plan(area)
    said = {
        status: plan_in_words(replace(plan, status=status))
        for status in ("optimal", "feasible", "timed_out", "infeasible")
    }
    assert len(set(said.values())) == 4
    assert "proven" in said["optimal"]
    assert "not proven" in said["feasible"]
    assert "71.23%" in said["timed_out"]
    assert "(gap 0.03%)" in said["optimal"]
    assert "(no gap)" in plan_in_words(replace(plan, gap=0.0))
    assert "(gap below 0.01%)" in plan_in_words(replace(plan, gap=4e-6))


def test_refuses_what_does_not_belong_together(area: StudyArea) -> None:
    assessment, plan, cells = make_assessment(area), make_plan(area), make_cells(area)
    with pytest.raises(AssessmentRefusedError, match="made for the assessment A-OTHER"):
        render(assessment, replace(plan, assessment_id="A-OTHER"), area, cells)
    foreign = replace(plan.units[0], boroughs=("E09999999",))
    with pytest.raises(AssessmentRefusedError, match="E09999999"):
        render(assessment, replace(plan, units=(foreign, *plan.units[1:])), area, cells)
    ward = replace(assessment.wards[0], code="E05999999")
    with pytest.raises(AssessmentRefusedError, match="E05999999"):
        render(replace(assessment, wards=(ward, *assessment.wards[1:])), plan, area, cells)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expected_per_week": np.nan}, "finite number"),
        ({"expected_per_week": -1.0}, "finite number"),
        ({"x_m": 530001.0}, "one lattice"),
    ],
)
def test_refuses_a_grid_that_is_not_one(
    area: StudyArea, change: dict[str, float], message: str
) -> None:
    cells = make_cells(area)
    for column, value in change.items():
        cells.loc[7, column] = value
    with pytest.raises(AssessmentRefusedError, match=message):
        render(make_assessment(area), None, area, cells)
    with pytest.raises(AssessmentRefusedError, match="lacks the column"):
        render(make_assessment(area), None, area, cells.drop(columns="x_m"))


def test_partly_covered_wards_are_named_in_the_legend(area: StudyArea, html: str) -> None:
    assessment = make_assessment(area)
    wards = (replace(assessment.wards[0], coverage="partial"), *assessment.wards[1:])
    said = "Partial data: covered for part of the time or area"
    assert said in render(replace(assessment, wards=wards), None, area, make_cells(area))
    assert said not in html


def test_all_uncovered_draws_no_grid_and_says_so(area: StudyArea) -> None:
    assessment = make_assessment(area)
    wards = tuple(replace(score, coverage="unknown") for score in assessment.wards)
    html = render(replace(assessment, wards=wards), None, area, make_cells(area))
    assert "No grid: the feeds cover no ward" in html
    assert '"grid":null' in html
