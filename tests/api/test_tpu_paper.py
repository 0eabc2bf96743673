"""The roster on paper, read back as a PDF: marking, tags, words, determinism, hostile text."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pypdf
import pytest

from allocator.tpu.request import BoroughRequest, Team, TpuRequest
from allocator.tpu.roster import TpuRoster
from allocator.tpu.tasking import roster_week
from api.briefing.tpu_paper import render_roster_images, render_roster_pdf
from hotspots.assessment import RiskAssessment
from tests.oracle.plan_worlds import make_world

HOSTILE = '#read("/etc/passwd") ] [ *bold* $x$ `code` @label // #panic() \u202eabc\u0007 中'
HOSTILE_SIGNS = 3  # spelt out wherever the issue stands: among the requests, in the task's reason


@pytest.fixture(scope="module")
def world() -> RiskAssessment:
    return make_world(8, n_boroughs=10)


@pytest.fixture(scope="module")
def roster(world: RiskAssessment) -> TpuRoster:
    code = world.boroughs[2].code
    request = TpuRequest(
        world.as_of,
        7,
        (Team("TPU-A", 1, 10), Team("TPU-B", 1, 10)),
        requests=(BoroughRequest("R1", world.as_of, (code,), HOSTILE, "borough", "tactic_3"),),
    )
    return roster_week(world, request, seed=2)


def words(pdf: bytes) -> list[str]:
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return [re.sub(r"\s+", " ", page.extract_text()) for page in pages]


def test_every_page_is_marked_and_every_task_is_told(
    roster: TpuRoster, world: RiskAssessment
) -> None:
    pdf = render_roster_pdf(roster, world)
    pages = words(pdf)
    for page in pages:
        assert page.count("OFFICIAL SYNTHETIC") == 2
        assert roster.roster_id in page
    text = " ".join(pages)
    for task in roster.tasks:
        assert task.borough_name in text
    assert "tactic 3 proposed, else mobile patrol" in text
    assert "no inspector" in text
    assert "Strategic Firearms Commander" in text
    for note in roster.notes:
        assert note[:40] in text
    assert re.findall(r"\S*[^\W_]_[^\W_]\S*", text) == []
    assert text.count("\\u{") == HOSTILE_SIGNS * (
        1 + sum(map(bool, (t.requests for t in roster.tasks)))
    )


def test_the_paper_is_tagged_reproducible_and_without_the_seed(
    roster: TpuRoster, world: RiskAssessment
) -> None:
    pdf = render_roster_pdf(roster, world)
    assert pdf == render_roster_pdf(roster, world)
    catalogue = pypdf.PdfReader(io.BytesIO(pdf)).trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"]
    assert catalogue["/Lang"] == "en-GB"
    draw = replace(roster.unpredictability, seed=918_273_645)
    assert "918273645" not in " ".join(
        words(render_roster_pdf(replace(roster, unpredictability=draw), world))
    )


def test_text_of_a_request_is_shown_and_never_run(roster: TpuRoster, world: RiskAssessment) -> None:
    text = " ".join(words(render_roster_pdf(roster, world)))
    assert '#read("/etc/passwd")' in text.replace("“", '"').replace("”", '"')
    assert r"\u{202E}" in text
    assert "root:" not in text


def test_every_page_can_be_shown_as_a_picture(roster: TpuRoster, world: RiskAssessment) -> None:
    images = render_roster_images(roster, world, pixels_per_inch=40)
    assert len(images) == len(words(render_roster_pdf(roster, world)))
    assert all(image.startswith(b"\x89PNG") for image in images)
