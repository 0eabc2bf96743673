"""Hot spots in words: names, wards, what was expected and how sure; on the page and the paper."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date

import pypdf
import pytest

from api.briefing.paper import render_pdf
from api.pages.week_view import WeekView
from api.pattern_view import NONE, neighbourhoods_in_words, pattern_rows
from hotspots.assessment import RiskAssessment
from hotspots.boundaries.study_area import load_bundled
from hotspots.findings import EmergingCluster, HotSpot, NeighbourhoodTest
from tests.browser.map_world import make_assessment, make_cells, make_plan

SQUARE = ((0.0, 0.0), (300.0, 0.0), (300.0, 300.0), (0.0, 300.0), (0.0, 0.0))


@pytest.fixture(scope="module")
def week() -> RiskAssessment:
    made = make_assessment(load_bundled())
    codes = tuple(one.code for one in made.wards)
    spot = HotSpot(
        hot_spot_id="H1", name="Five Wards (Barnet)", ward_codes=codes[:5], n_records=1_204,
        n_last_28_days=3, weight=24.0, expected_weight=6.0, first_day=date(2025, 1, 2),
        last_day=date(2026, 11, 1), area_km2=0.4, polygon=(SQUARE,),
    )  # fmt: skip
    rising = EmergingCluster(
        emerging_id="E1", name="One Ward (Brent)", ward_codes=codes[7:8], window_days=7,
        first_day=date(2026, 11, 16), last_day=date(2026, 11, 22), observed=6, expected=0.8,
        p_value=0.001, recurrence_days=7_000.0,
    )  # fmt: skip
    tests = tuple(
        NeighbourhoodTest(code, 30 - i, 10.0, 0.001 * i, 0.001 * i, i < 6)
        for i, code in enumerate(codes[:40])
    )
    return replace(made, clusters=(spot,), emerging=(rising,), neighbourhoods=tests)


def test_every_pattern_is_one_worded_row(week: RiskAssessment) -> None:
    hot, rising = pattern_rows(week)
    names = [one.name for one in week.wards]
    assert hot.cells == (
        "H1 Five Wards (Barnet)",
        f"{', '.join(names[:4])} and 1 more",
        "1,204, 3 in the last 28 days",
        "6.0 by its borough's average",
        "2 January 2025 to 1 November 2026",
        "4.0 times as dense, beyond chance",
    )
    assert (rising.wards, rising.reported) == (names[7], "6")
    assert rising.expected == "0.8 by its own past"
    assert rising.sure == "emerging: chance shows one as strong about once in 19 years"


def test_raised_neighbourhoods_are_one_sentence_the_most_raised_first(week: RiskAssessment) -> None:
    said = neighbourhoods_in_words(week)
    assert said.startswith("6 wards have, with the wards next to them, more incidents than chance")
    assert "of 40 tested" in said
    first, second = week.wards[0].name, week.wards[1].name
    assert f"first: {first} (30 against 10.0); {second} (29 against 10.0)" in said
    assert week.wards[5].name + " (25" not in said
    calm = tuple(replace(one, significant=False) for one in week.neighbourhoods)
    assert neighbourhoods_in_words(replace(week, neighbourhoods=calm)) == (
        "None of 40 neighbourhoods is above chance."
    )
    assert neighbourhoods_in_words(replace(week, neighbourhoods=())) == ""


def test_the_page_and_the_paper_list_them(week: RiskAssessment) -> None:
    area = load_bundled()
    view = WeekView(week, None)
    assert view.patterns() == pattern_rows(week)
    assert view.no_patterns == NONE
    for shown, words in ((week, "H1 Five Wards"), (replace(week, clusters=(), emerging=()), NONE)):
        paper = render_pdf(shown, make_plan(area), area, make_cells(area))
        pages = pypdf.PdfReader(io.BytesIO(paper)).pages
        text = " ".join(" ".join(page.extract_text() for page in pages).split())
        assert words in text
        assert "6 wards have, with the wards next to them" in text
