"""The briefing, read back as a PDF: marking, tags, wording, determinism, hostile text."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.errors import PlanningRefusedError
from allocator.plan import PatrolPlan
from api.briefing.figures import (
    minutes,
    nice_ceiling,
    ordinal,
    short_date,
    small_percent,
)
from api.briefing.map_drawing import draw_map
from api.briefing.map_labels import Label, spread
from api.briefing.paper import render_page_images, render_pdf
from api.briefing.printable import DRAWN, HIDDEN_CATEGORIES, printable, unicodedata
from api.briefing.risk_classes import class_of, risk_classes
from api.briefing.wording import changes, half_of_demand_share
from api.wording import british_date
from hotspots.assessment import RiskAssessment
from hotspots.boundaries.study_area import StudyArea, load_bundled
from hotspots.errors import AssessmentRefusedError
from tests.api.briefing_values import hand_made_week

Week = tuple[RiskAssessment, PatrolPlan, pd.DataFrame]
HOSTILE = (
    '#read("/etc/passwd") ] [ *bold* _it_ $x$ `code` @label <tag> \\u{41} // -- &amp; '
    "</text><script>alert(1)</script> #panic() ﬁn \u202eabc\u0007 中 😀"
)


@pytest.fixture(scope="module")
def area() -> StudyArea:
    return load_bundled()


@pytest.fixture(scope="module")
def week(area: StudyArea) -> Week:
    return hand_made_week(area)


@pytest.fixture(scope="module")
def pdf(area: StudyArea, week: Week) -> bytes:
    assessment, plan, cells = week
    return render_pdf(assessment, plan, area, cells)


def _pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


def _flat(text: str) -> str:
    return "".join(text.replace("\u00a0", " ").split())


def test_every_page_is_marked_top_and_bottom_and_numbered(pdf: bytes, week: Week) -> None:
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    assert 5 <= len(reader.pages) <= 10
    for number, page in enumerate(reader.pages, start=1):
        heights: list[float] = []

        def note(text, outer, inner, _font, _size, heights=heights) -> None:  # type: ignore[no-untyped-def]  # pypdf's visitor has no types
            if "OFFICIAL" in text:
                heights.append(inner[4] * outer[1] + inner[5] * outer[3] + outer[5])

        text = page.extract_text(visitor_text=note)
        top = float(page.mediabox.height)
        assert len(heights) == 2
        assert max(heights) > 0.9 * top
        assert min(heights) < 0.1 * top
        assert text.count("OFFICIAL · SYNTHETIC") == 2
        assert f"Page {number} of {len(reader.pages)}" in text
        assert week[1].plan_id in text
        assert week[0].assessment_id in text


def test_no_identifier_stands_among_the_words(pdf: bytes) -> None:
    text = " ".join(_pages(pdf))
    assert re.findall(r"\S*[^\W_]_[^\W_]\S*", text) == []
    assert "Gap at which the search may stop" in text
    assert "24 November 2026 to 25 November 2026" in text


def test_the_marking_stands_at_both_ends_of_the_page(area: StudyArea, week: Week) -> None:
    assessment, plan, cells = week
    marked = replace(assessment, classification="OFFICIAL-SENSITIVE", notice="")
    for text in _pages(render_pdf(marked, plan, area, cells)):
        lines = [line for line in text.splitlines() if line.strip()]
        assert lines[0] == "OFFICIAL-SENSITIVE"
        assert "OFFICIAL-SENSITIVE" in lines[-3:]
        assert "SYNTHETIC" not in text


def test_it_is_a_tagged_accessible_document(pdf: bytes) -> None:
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    root = reader.trailer["/Root"]
    assert root["/Lang"] == "en-GB"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert "weekly tasking briefing" in reader.metadata.title
    assert b"pdfuaid" in root["/Metadata"].get_data()
    roles, alternatives = _walk(root["/StructTreeRoot"])
    assert {"/H1", "/H2", "/Table", "/TH", "/TD", "/Figure", "/L"} <= set(roles)
    assert roles.count("/Figure") == len(alternatives) == 1
    assert "ARV-16" in alternatives[0]


def _walk(node) -> tuple[list[str], list[str]]:  # type: ignore[no-untyped-def]  # pypdf's tree has no types
    roles: list[str] = []
    alternatives: list[str] = []
    todo = [node]
    while todo:
        item = todo.pop()
        item = item.get_object() if hasattr(item, "get_object") else item
        if isinstance(item, list):
            todo.extend(item)
        elif isinstance(item, dict):
            roles.append(str(item.get("/S", "")))
            if "/Alt" in item:
                alternatives.append(str(item["/Alt"]))
            if "/K" in item:
                todo.append(item["/K"])
    return roles, alternatives


def test_the_first_page_says_what_the_meeting_needs(pdf: bytes) -> None:
    first = _flat(_pages(pdf)[0])
    for words in (
        "Monday 23 to Sunday 29 November 2026",
        "Evidence known before 23 November 2026",
        "Optimal within the gap",
        "93.12 % of the demand expected by the assessment is reached within the service standard "
        "of 15 minutes",
        "not a promise about next week",
        "no plan under the same rules can reach more than 93.15 %",
        "What is uncertain",
        "No earlier plan was given to compare with.",
    ):
        assert _flat(words) in first
    assert "forecast" not in first.lower()


def test_tables_hold_every_unit_borough_source_and_attribution(pdf: bytes, week: Week) -> None:
    assessment, plan, _cells = week
    text = _flat(" ".join(_pages(pdf)))
    for unit in plan.units:
        assert _flat(unit.unit_id + unit.provenance) in text
        assert _flat(unit.reason) in text
    for borough in assessment.boroughs:
        assert _flat(borough.name) in text
        assert _flat(f"{borough.lower_90:.2f} to {borough.upper_90:.2f}") in text
    ranked = sorted(assessment.wards, key=lambda ward: ward.rank)
    assert all(_flat(ward.name) in text for ward in ranked[:25])
    for line in (*assessment.attribution, *(line.title for line in assessment.evidence)):
        assert _flat(line) in text
    assert "Approximateboundaries" in text


def test_the_same_plan_gives_the_same_bytes_in_another_process(pdf: bytes) -> None:
    code = (
        "import hashlib\n"
        "from hotspots.boundaries.study_area import load_bundled\n"
        "from tests.api.briefing_values import hand_made_week\n"
        "from api.briefing.paper import render_pdf\n"
        "area = load_bundled(); one, plan, cells = hand_made_week(area)\n"
        "print(hashlib.sha256(render_pdf(one, plan, area, cells)).hexdigest())\n"
    )
    root = Path(__file__).resolve().parents[2]
    environment = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "5", "HOME": "/"}
    other = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == hashlib.sha256(pdf).hexdigest()


def test_it_takes_less_than_three_seconds(area: StudyArea, week: Week) -> None:
    assessment, plan, cells = week
    start = time.process_time()
    render_pdf(assessment, plan, area, cells)
    assert time.process_time() - start < 3.0


def test_hostile_text_is_printed_not_run(area: StudyArea, week: Week) -> None:
    assessment, plan, cells = week
    unit = replace(plan.units[0], unit_id=HOSTILE, provenance=HOSTILE, reason=HOSTILE)
    ranked = {ward.rank: ward for ward in assessment.wards}
    wards = tuple(
        replace(ward, name=HOSTILE) if ward is ranked[1] else ward for ward in assessment.wards
    )
    hostile = replace(
        assessment, wards=wards, data_gaps=(HOSTILE,), attribution=(HOSTILE,), notice="SYNTHETIC *"
    )
    bad_plan = replace(
        plan, units=(unit, *plan.units[1:]), settings={**plan.settings, HOSTILE: HOSTILE}
    )
    pages = _pages(render_pdf(hostile, bad_plan, area, cells))
    text = _flat(" ".join(pages))
    shown = _flat(printable(HOSTILE))
    assert text.count(shown) >= 4
    assert "root:" not in text
    for literal in ('#read("/etc/passwd")', "*bold*", "$x$", "\\u{202E}", "\\u{0007}", "\\u{4E2D}"):
        assert _flat(literal) in text
    assert _pages(render_pdf(hostile, bad_plan, area, cells))[0].startswith(
        "OFFICIAL · SYNTHETIC *"
    )


def test_hostile_text_cannot_leave_the_map(area: StudyArea, week: Week) -> None:
    assessment, plan, _cells = week
    unit = replace(plan.units[0], unit_id='"/><script>&')
    classes = risk_classes([ward.expected_per_week for ward in assessment.wards])
    drawing, _ = draw_map(assessment, replace(plan, units=(unit,)), area, classes)
    assert "<script" not in drawing
    assert "&lt;script&gt;&amp;" in drawing


def test_an_empty_and_a_crowded_week_both_print(area: StudyArea, week: Week) -> None:
    assessment, plan, cells = week
    long = "A very long sentence about why this area was chosen over all others. " * 12
    units = tuple(replace(unit, reason=long, support=unit.boroughs) for unit in plan.units)
    crowded = replace(plan, units=units, status="timed_out", gap=0.08)
    gaps = tuple(f"Gap {number}: {long}" for number in range(12))
    pages = _pages(render_pdf(replace(assessment, data_gaps=gaps), crowded, area, cells))
    assert 8 <= len(pages) <= 20
    assert "time limit ended the calculation early" in " ".join(pages[0].split())
    bare = replace(assessment, data_gaps=(), evidence=(), attribution=(), notice="")
    nothing = replace(plan, settings={})
    text = " ".join(_pages(render_pdf(bare, nothing, area, cells.iloc[:0])))
    assert "None was found by the checks" in text
    assert "SYNTHETIC" not in text


def test_the_summary_keeps_to_one_page(area: StudyArea, week: Week) -> None:
    assessment, plan, cells = week
    gaps = tuple(f"Gap {number}: " + "a feed that fell silent, " * 40 for number in range(9))
    turned = (*plan.units[1:], plan.units[0])
    before = replace(
        plan,
        week="2026-W47",
        units=tuple(
            replace(unit, boroughs=other.boroughs)
            for unit, other in zip(plan.units, turned, strict=True)
        ),
    )
    dark = tuple(replace(ward, coverage="unknown") for ward in assessment.wards)
    worst = replace(assessment, wards=dark, data_gaps=gaps)
    full = render_pdf(worst, plan, area, cells, previous=before)
    first, second = (_flat(page) for page in _pages(full)[:2])
    assert _flat("Compared with the plan for 2026-W47: 16 of 16 units change.") in first
    assert _flat("All 9 data gaps are listed") in first
    assert _flat("wards are covered by no feed") in first
    assert second.startswith(_flat("OFFICIAL · SYNTHETIC Patrol areas and expected incidents"))


def test_wards_without_data_are_hatched_and_never_coloured_as_low(
    area: StudyArea, week: Week
) -> None:
    assessment, plan, cells = week
    dark = {ward.code for ward in assessment.wards[:40]}
    wards = tuple(
        replace(ward, coverage="unknown" if ward.code in dark else "known")
        for ward in assessment.wards
    )
    partly = replace(assessment, wards=wards)
    classes = risk_classes([ward.expected_per_week for ward in wards if ward.code not in dark])
    drawn, _ = draw_map(partly, plan, area, classes)
    hatched = drawn.split('fill="url(#nodata)" d="')[1].split('"')[0]
    whole, _ = draw_map(replace(partly, wards=assessment.wards), plan, area, classes)
    assert hatched.count("M") >= len(dark)
    assert 'fill="url(#nodata)"' not in whole
    legend = _flat(_pages(render_pdf(partly, plan, area, cells))[1])
    assert _flat("no data: no feed covers them 40 wards") in legend


def test_the_wrong_plan_or_boundary_is_refused(area: StudyArea, week: Week) -> None:
    assessment, plan, cells = week
    with pytest.raises(PlanningRefusedError, match="infeasible"):
        render_pdf(assessment, replace(plan, status="infeasible"), area, cells)
    with pytest.raises(PlanningRefusedError, match="made from assessment other"):
        render_pdf(assessment, replace(plan, assessment_id="other"), area, cells)
    with pytest.raises(AssessmentRefusedError, match="not on"):
        render_pdf(assessment, plan, replace(area, sha256="0" * 64), cells)


def test_changes_name_units_and_boroughs(week: Week) -> None:
    _assessment, plan, _cells = week
    assert changes(plan, plan) == ["Compared with the plan for 2026-W48: no patrol area changes."]
    first, second, *rest = plan.units
    swapped = (
        replace(first, boroughs=second.boroughs),
        replace(second, boroughs=first.boroughs),
        *rest[:-1],
    )
    lines = changes(replace(plan, units=swapped), plan)
    assert lines[0].endswith("3 of 15 units change.")
    assert [line.split(":")[0] for line in lines[1:]] == ["ARV-01", "ARV-02", "ARV-16"]
    assert "was Barking and Dagenham and Havering, now Barnet and Brent" in lines[1]
    assert "no longer in the fleet" in lines[3]


def test_page_images_show_as_many_pages(area: StudyArea, week: Week, pdf: bytes) -> None:
    assessment, plan, cells = week
    images = render_page_images(assessment, plan, area, cells, pixels_per_inch=30)
    assert len(images) == len(_pages(pdf))
    assert all(image.startswith(b"\x89PNG") for image in images)


def test_half_of_demand_agrees_with_counting() -> None:
    cells = pd.DataFrame({"expected_per_week": [1.0, 5.0, 1.0, 1.0, 2.0]})
    assert half_of_demand_share(cells) == pytest.approx(0.2)
    assert half_of_demand_share(cells * 0) is None


@given(st.lists(st.floats(0, 50), min_size=1, max_size=80))
def test_every_rate_falls_in_one_class(rates: list[float]) -> None:
    classes = risk_classes(rates)
    assert sum(each.n_wards for each in classes) == len(rates)
    assert len({each.colour for each in classes}) == len(classes) <= 5
    for rate in rates:
        assert class_of(classes, rate).lower <= rate < class_of(classes, rate).upper


@given(st.text(max_size=300))
def test_printable_text_is_stable_and_drawn(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    assert all(any(low <= ord(sign) <= high for low, high in DRAWN) for sign in shown)


def test_every_drawn_letter_prints_in_every_face(area: StudyArea, week: Week) -> None:
    assessment, plan, cells = week
    letters = [
        chr(point)
        for low, high in DRAWN
        for point in range(low, high + 1)
        if unicodedata.category(chr(point)) not in HIDDEN_CATEGORIES
    ]
    lines = tuple("".join(letters[start : start + 300]) for start in range(0, len(letters), 300))
    units = tuple(
        replace(unit, unit_id=lines[number % len(lines)][:200], reason=lines[number % len(lines)])
        for number, unit in enumerate(plan.units)
    )
    every = replace(assessment, data_gaps=lines, classification=lines[0])
    settings_of = {line: line for line in lines}
    full = render_pdf(every, replace(plan, units=units, settings=settings_of), area, cells)
    assert full.startswith(b"%PDF")


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(0, 100), st.text("AB", min_size=1, max_size=9)),
        max_size=12,
    )
)
def test_labels_move_only_up_and_down_and_none_is_lost(
    places: list[tuple[float, float, str]],
) -> None:
    labels = [Label(x, y, (), (name,)) for x, y, name in places]
    moved = spread(labels)
    assert [(one.x_mm, one.names) for one in moved] == [(one.x_mm, one.names) for one in labels]
    assert spread(labels) == moved


def test_two_labels_on_one_spot_are_parted() -> None:
    upper, lower = spread([Label(5, 5, ("ARV-01",), ("Hackney",)), Label(5, 5, (), ("Camden",))])
    assert lower.y_mm - upper.y_mm >= (upper.height_mm + lower.height_mm) / 2


def test_figures_read_as_british() -> None:
    assert british_date(date(2026, 11, 3)) == "3 November 2026"
    assert short_date(None) == "–"
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 112)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th")
    ]
    assert minutes(900) == "15 minutes"
    assert minutes(510) == "8 min 30 s"
    assert minutes(0) == "0 s"
    assert small_percent(0.00043) == "0.043%"
    assert small_percent(0.0) == "0%"
    assert small_percent(1e-9) == "less than 0.01%"


@given(st.floats(1e-6, 1e6))
def test_an_axis_ends_just_above_its_largest_value(value: float) -> None:
    assert value * (1 - 1e-9) <= nice_ceiling(value) <= 2 * value
