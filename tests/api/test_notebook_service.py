"""The notebook on the service: a week by HTTP between two people, run whole."""

from __future__ import annotations

import re

import nbformat
import pytest

from tests.api import notebook_runner as runner


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    return runner.executed("06_service")


@pytest.fixture(scope="module")
def said(notebook: nbformat.NotebookNode) -> str:
    return runner.said(notebook)


@pytest.mark.timeout(runner.CELL_LIMIT_S)
def test_it_runs_without_an_error_or_a_warning(notebook: nbformat.NotebookNode) -> None:
    runner.assert_no_error_or_warning(notebook)


def test_every_picture_is_drawn_marked_and_titled(notebook: nbformat.NotebookNode) -> None:
    drawn, drawing = runner.pictures(notebook), runner.drawing_cells(notebook)
    assert len(drawn) == len(drawing) == 2
    for cell in drawing:
        runner.assert_marked_and_titled(cell)
    for picture in drawn:
        runner.assert_drawn(picture)


def test_two_people_published_a_proven_plan(said: str) -> None:
    plan = re.search(r"2026-W48: (optimal|feasible); ([\d.]+)% .* at most ([\d.]+)%", said)
    assert plan, said
    assert 0 < float(plan[2]) <= float(plan[3]) <= 100
    assert "published: proposed by ann.miller, approved by bea.osei" in said
    assert re.search(r"^403: .*ann\.miller", said, re.MULTILINE)
    assert re.search(r"^412: ", said, re.MULTILINE)
    assert "Papers: areas.gpkg, briefing.pdf, map.html" in said


def test_the_service_refuses_and_repeats_as_it_says(said: str) -> None:
    assert "sent again: repeated True" in said
    assert re.search(r"^Refused: .*2025-02-30", said, re.MULTILINE), said
    assert re.search(r"^Proving the placement$", said, re.MULTILINE)


def test_the_replan_changes_little_and_the_record_is_whole(said: str) -> None:
    changed = re.search(r"draft 2026-W48: (\d+) units change", said)
    assert changed, said
    assert 1 <= int(changed[1]) <= 8
    assert "Plans of the week: draft, published" in said
    assert re.search(r"\d+ rows, [1-9] heads from outside the database: sound", said)
    assert said.rstrip().endswith("The service has stopped; its folder is gone.")
